// A fan-out over node's `ws`: subscribers by URL, messages as lines of one request. Says its port.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

import { WebSocketServer } from 'ws';

const topics = new Map();
const server = createServer((request, response) => {
  createInterface(request).on('line', (line) => {
    const { game } = JSON.parse(line);
    for (const socket of topics.get(game) ?? []) socket.send(line);
  }).on('close', () => response.end());
});
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
sockets.on('connection', (socket, request) => {
  for (const topic of new URL(request.url, 'http://x').searchParams.get('topics').split(',')) {
    topics.set(topic, (topics.get(topic) ?? new Set()).add(socket));
  }
  socket.send('ready');
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => console.log(server.address().port));
