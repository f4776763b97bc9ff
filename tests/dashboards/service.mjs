// A service under load with Prometheus beside it: Redis, two gateways, a real Prometheus with the files of dashboards/; all on
// free ports, all in one temporary folder.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { FOLDER, text } from './files.mjs';

const BINARY = process.env.SCORELINE_BIN ?? fileURLToPath(new URL('../../target/debug/scoreline', import.meta.url));
const PATIENCE = 60_000;

export const folder = mkdtempSync(join(tmpdir(), 'scoreline-dashboards-'));
const started = [];

/** Ends whatever was started, and takes its files away. */
export async function cleanUp() {
  for (const program of started.reverse()) if (program.exitCode === null && program.signalCode === null) await stop(program);
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

export async function stop(program, signal = 'SIGKILL') {
  const ended = once(program, 'exit');
  program.kill(signal);
  await ended;
}

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Waits until `what` answers something; its errors are "not yet". */
export async function until(name, what, patience = PATIENCE) {
  const end = Date.now() + patience;
  let last;
  while (Date.now() < end) {
    try {
      const found = await what();
      if (found) return found;
    } catch (error) {
      if (error instanceof Ended) throw error;
      last = error;
    }
    await sleep(100);
  }
  throw new Error(`${name}: it never came`, { cause: last });
}

/** A program that is waited for has ended: no use in waiting on. */
class Ended extends Error {}

function alive(program) {
  if (program.exitCode !== null) throw new Ended(program.said.join('\n'));
}

/** Starts a program; `said` are its lines on stderr so far. */
export function run(command, args) {
  const program = spawn(command, args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  program.said = [];
  createInterface(program.stderr).on('line', (line) => program.said.push(line) > 200 && program.said.shift());
  program.once('error', (error) => program.said.push(String(error)));
  started.push(program);
  return program;
}

/** A Redis that keeps nothing over its end, once it takes connections. */
export async function redis(port) {
  const program = run('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder]);
  await until('Redis listens', async () => {
    alive(program);
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return socket.destroy();
  });
  return program;
}

/** A line to a port, which can be cut: { port, cut, mend }. */
export async function cable(to) {
  const ends = new Set();
  let whole = true;
  const server = createServer((near) => {
    if (!whole) return near.destroy();
    const far = connect(to, '127.0.0.1');
    for (const [one, other] of [[near, far], [far, near]]) {
      ends.add(one);
      one.on('error', () => {}).once('close', () => ends.delete(one) && other.destroy());
      one.pipe(other);
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  const cut = () => {
    whole = false;
    for (const end of ends) end.destroy();
  };
  return { port: server.address().port, cut, mend: () => { whole = true; } };
}

/** A gateway that takes reports too: { url, ops }. */
export async function scoreline(name, settings) {
  const config = join(folder, `${name}.toml`);
  writeFileSync(config, settings);
  const program = run(BINARY, ['serve', '--config', config]);
  const at = (words) => until(`${name} ${words}`, () => {
    alive(program);
    return program.said.map((line) => new RegExp(`${words} (http://[\\d.]+:\\d+)`).exec(line)?.[1]).find(Boolean);
  });
  const [url, ops] = [await at('listening on'), await at('operations on')];
  await until(`${name} ready`, async () => (await fetch(`${ops}/readyz`)).ok);
  return { program, url, ops };
}

/** Prometheus with our configuration, but for where it scrapes and how often; gives a function that asks its API. */
export async function prometheus(targets) {
  const hosts = targets.map((url) => JSON.stringify(new URL(url).host)).join(', ');
  const config = text('prometheus.yml')
    .replace(/^( *- targets:) \[.*\]/m, `$1 [${hosts}]`) // not the one in a comment
    .replace(/_interval: 15s/g, '_interval: 1s')
    .replace(/- (rules|alerts)\.yml/g, `- ${FOLDER}$1.yml`);
  writeFileSync(join(folder, 'prometheus.yml'), config);
  mkdirSync(join(folder, 'data'));
  const port = await freePort();
  const program = run('prometheus', [
    `--config.file=${join(folder, 'prometheus.yml')}`, `--storage.tsdb.path=${join(folder, 'data')}`, `--web.listen-address=127.0.0.1:${port}`,
  ]);
  const ask = async (path, query = {}) => {
    const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}?${new URLSearchParams(query)}`);
    const answer = await response.json();
    if (answer.status !== 'success') throw new Error(`${JSON.stringify(query)}: ${answer.error}`);
    return answer.data;
  };
  await until('Prometheus scrapes', async () => {
    alive(program);
    const { activeTargets } = await ask('targets');
    return activeTargets.length === targets.length && activeTargets.every(({ health }) => health === 'up');
  });
  return ask;
}

/** Subscribers, and reports of their own, by the program's load generator. */
export const bench = (url, key, ...more) => run(BINARY, ['bench', '--url', url, '--key', key, ...more]);

/** Posts reports as a provider; the status of the answer. */
export async function post(url, key, reports) {
  const response = await fetch(`${url}/v1/updates`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: typeof reports === 'string' ? reports : JSON.stringify(reports),
  });
  await response.arrayBuffer();
  return response.status;
}

/** Asks for a WebSocket; the socket, or the status of the refusal. */
function upgrade(url, query) {
  return new Promise((done, failed) => {
    const headers = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' };
    const asked = request(`${url}/v1/ws?${query}`, { headers });
    asked.on('upgrade', (_, socket) => {
      socket.on('error', () => {});
      done(socket);
    });
    asked.on('response', (response) => done(response.resume().statusCode));
    asked.on('error', failed);
    asked.end();
  });
}

/** A fan that comes, is told something, and is cut off without a word. */
export async function passing(url, query) {
  const socket = await upgrade(url, query);
  const told = once(socket, 'data');
  socket.resume();
  await told;
  socket.resetAndDestroy();
}

/** A fan whose first frame breaks the protocol: no client's frame may be unmasked. */
export async function rude(url) {
  const socket = await upgrade(url, 'topics=soccer');
  const ended = once(socket, 'close');
  socket.resume();
  socket.end(Buffer.from([0x81, 0x01, 0x78]));
  await ended;
}

/** Connections that ask nothing; the call lets them go. */
export async function crowd(url, count) {
  const { hostname, port } = new URL(url);
  const sockets = Array.from({ length: count }, () => connect(port, hostname).on('error', () => {}));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  return () => sockets.forEach((socket) => socket.destroy());
}

/** A fan that takes nothing until it is called: the call makes it read. */
export async function stalled(url, query) {
  const socket = await upgrade(url, query);
  socket.pause();
  return () => socket.resume();
}
