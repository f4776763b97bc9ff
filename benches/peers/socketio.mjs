// A fan-out over Socket.IO, whose rooms are the topics; WebSocket only, no compression. Says its port.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

import { Server } from 'socket.io';

const HOUR = 3_600_000; // no heartbeat falls into the measure
const server = createServer();
const io = new Server(server, { transports: ['websocket'], perMessageDeflate: false, pingInterval: HOUR });
io.on('connection', (socket) => {
  socket.join(socket.handshake.query.topics.split(','));
  socket.emit('ready');
});
server.on('request', (request, response) => {
  if (request.method !== 'POST') return;
  createInterface(request).on('line', (line) => {
    const message = JSON.parse(line);
    io.to(message.game).emit('update', message);
  }).on('close', () => response.end());
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => console.log(server.address().port));
