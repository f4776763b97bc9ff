// The program, and clients that know nothing of it.

import { once } from 'node:events';
import { connect } from 'node:net';

import { scoreline as demo } from '../browser/server.mjs';

export const scoreline = () => demo();

export const get = (server, path, headers = {}) => fetch(server.url + path, { headers });

export const post = (server, body, key = 'demo') => fetch(`${server.url}/v1/updates`, {
  method: 'POST',
  headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

/** Sends commands over a WebSocket; `hear` is given each message until it returns true. */
export async function listen(server, commands, hear) {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.write(`GET /v1/ws HTTP/1.1\r\nhost: ${hostname}:${port}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n`
    + 'sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n');
  let held = Buffer.alloc(0);
  let open = false;
  for await (const piece of socket) {
    held = Buffer.concat([held, piece]);
    if (!open) {
      const end = held.indexOf('\r\n\r\n');
      if (end < 0) continue;
      open = true;
      held = held.subarray(end + 4);
      for (const command of commands) socket.write(frame(JSON.stringify(command)));
    }
    for (let message; (message = unframe()) !== undefined;) {
      if (message && await hear(JSON.parse(message))) return socket.destroy();
    }
  }
  throw new Error('the server ended the connection before everything was heard');

  /** A whole frame's text, '' of one without, undefined when none is there yet. */
  function unframe() {
    if (held.length < 2) return undefined;
    let [length, at] = [held[1] & 0x7f, 2];
    if (length === 126) [length, at] = [held.length < 4 ? Infinity : held.readUInt16BE(2), 4];
    else if (length === 127) [length, at] = [held.length < 10 ? Infinity : Number(held.readBigUInt64BE(2)), 10];
    if (held.length < at + length) return undefined;
    const text = (held[0] & 0x0f) === 1 ? held.subarray(at, at + length).toString() : '';
    held = held.subarray(at + length);
    return text;
  }
}

/** A client's text frame, RFC 6455 section 5.2; masked with zeros, which a mask may be. */
function frame(text) {
  const payload = Buffer.from(text);
  const head = payload.length < 126 ? Buffer.from([0x81, 0x80 | payload.length]) : Buffer.from([0x81, 0xfe, payload.length >> 8, payload.length & 0xff]);
  return Buffer.concat([head, Buffer.alloc(4), payload]);
}
