// The client's protocol rules (protocol section 4), spoken through a fake WebSocket: no network, no waiting.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, mock, test } from 'node:test';

import { Scoreline } from '../../src/web/scoreline.js';
import { FakeSocket } from './fake.mjs';

const A = 'soccer/eng.1/ars-che';
const B = 'soccer/eng.1/liv-mun';
const T = 'tennis/wim/fed-nad';

const turn = () => new Promise(setImmediate);
const goals = (home, away = 0, more = {}) => ({
  status: 'live',
  competitors: { home: { team: 'arsenal', score: { total: home } }, away: { team: 'chelsea', score: { total: away } } },
  ...more,
});
const scored = (home) => ({ competitors: { home: { score: { total: home } } } });
const total = (live, game) => live.games.get(game)?.competitors.home.score.total;

/** What listeners of the window a client added; called by name to play "online". */
let listeners;
let live;

beforeEach(() => {
  FakeSocket.all = [];
  listeners = {};
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_795_363_980_000 });
  mock.method(Math, 'random', () => 1);
  globalThis.WebSocket = FakeSocket;
  globalThis.addEventListener = (type, listener) => { listeners[type] = listener; };
});

afterEach(() => {
  live?.close();
  mock.timers.reset();
  mock.restoreAll();
  delete globalThis.WebSocket;
  delete globalThis.addEventListener;
});

/** A client whose topics are loaded: one command each, ids 1, 2, … */
async function loaded(topics, states, options) {
  live = new Scoreline('http://scores.example', options);
  const seen = [];
  for (const topic of topics) live.subscribe(topic, (game, change) => seen.push(change));
  await turn();
  const socket = FakeSocket.last.accept();
  for (const command of socket.commands('subscribe')) socket.load(command, 'e.10', states);
  return { socket, seen };
}

/** Loses the connection and lets the client come back. */
function reconnect(code = 1006) {
  const { last } = FakeSocket;
  last.end(code);
  while (FakeSocket.last === last) mock.timers.tick(500);
  return FakeSocket.last.accept();
}

test('connects with the subprotocol, the options in the URL and the token beside', async () => {
  live = new Scoreline('https://scores.example', { delay: 30, maxRate: 0.5, mode: 'latest', token: 'abc' });
  const { url, protocols } = FakeSocket.last;
  assert.equal(url.origin + url.pathname, 'wss://scores.example/v1/ws');
  assert.deepEqual(Object.fromEntries(url.searchParams), { delay: '30', max_rate: '0.5', mode: 'latest' });
  assert.deepEqual(protocols, ['scoreline.v1.json', 'bearer.abc']);
});

test('subscribes on opening, one command for topics alike, full ones first', async () => {
  live = new Scoreline('http://scores.example');
  live.subscribe('tennis', () => {}, { detail: 'score' });
  live.subscribe('soccer', () => {});
  live.subscribe('soccer/eng.1', () => {});
  const socket = FakeSocket.last.accept({ hello: false });
  assert.deepEqual(socket.sent, [
    { type: 'subscribe', id: 1, topics: ['soccer', 'soccer/eng.1'], detail: 'full' },
    { type: 'subscribe', id: 2, topics: ['tennis'], detail: 'score' },
  ]);
});

test('is connecting, live with the end marks, stale when cut, live again, closed', async () => {
  live = new Scoreline('http://scores.example');
  const states = [];
  live.addEventListener('state', ({ detail }) => states.push(detail.state));
  live.subscribe('soccer', () => {});
  const socket = FakeSocket.last.accept();
  assert.equal(live.state, 'connecting');
  socket.load(socket.sent[0], 'e.1');
  assert.equal(live.state, 'live');
  const again = reconnect();
  assert.equal(live.state, 'stale');
  again.load(again.sent[0], 'e.1', {}, { resumed: true });
  live.close(3001, 'done');
  assert.deepEqual(again.closed, { code: 3001, reason: 'done' });
  assert.deepEqual(states, ['live', 'stale', 'live', 'closed']);
});

test('is stale while the gateway has lost its broker', async () => {
  const { socket } = await loaded(['soccer'], { [A]: [5, goals(0)] });
  socket.say({ type: 'status', live: false, reason: 'broker' });
  assert.equal(live.state, 'stale');
  socket.say({ type: 'heartbeat', position: 'e.11', time_ms: Date.now() });
  assert.equal(live.state, 'stale');
  socket.say({ type: 'status', live: true });
  assert.equal(live.state, 'live');
});

test('update: applied when base ≤ held < version, ignored when held already', async () => {
  const { socket, seen } = await loaded(['soccer'], { [A]: [5, goals(0)] });
  const before = live.games.get(A);
  socket.say({ type: 'update', game: A, base: 5, version: 6, patch: scored(1) });
  socket.say({ type: 'update', game: A, base: 5, version: 6, patch: scored(9) });
  socket.say({ type: 'update', game: A, base: 3, version: 5, patch: scored(9) });
  socket.say({ type: 'update', game: A, base: 4, version: 9, patch: { ...scored(2), clock: { ms: 1 } } });
  socket.say({ type: 'update', game: A, base: 9, version: 10, patch: { clock: null, status: 'final' } });
  assert.deepEqual(live.games.get(A), goals(2, 0, { status: 'final' }));
  assert.equal(live.versions.get(A), 10);
  assert.equal(live.gaps, 0);
  assert.equal(before.competitors.home.score.total, 0, 'the document before is left as it was');
  assert.deepEqual(seen.map(({ version }) => version), [5, 6, 9, 10]);
  assert.deepEqual(seen[1].changed, scored(1));
  assert.equal(seen[1].before, before);
});

test('merge patch: an object over a scalar, a scalar over an object, nulls in depth', async () => {
  const { socket } = await loaded(['soccer'], { [A]: [5, { info: { a: 1, b: { c: 1 } }, x: 'text' }] });
  socket.say({ type: 'update', game: A, base: 5, version: 6, patch: { x: { y: { z: null, w: 1 } }, info: { a: null, b: 2 } } });
  assert.deepEqual(live.games.get(A), { info: { b: 2 }, x: { y: { w: 1 } } });
});

test('state replaces, always, also with an older version', async () => {
  const { socket, seen } = await loaded(['soccer'], { [A]: [5, goals(2, 0, { info: { venue: 'x' } })] });
  socket.say({ type: 'state', game: A, version: 3, state: goals(1) });
  assert.deepEqual(live.games.get(A), goals(1));
  assert.equal(live.versions.get(A), 3);
  assert.deepEqual(seen.at(-1).changed, { ...scored(1), info: null });
});

test('a gap is counted once and loads the topic afresh; its position is not used', async () => {
  const { socket } = await loaded(['soccer/eng.1', 'tennis'], { [A]: [5, goals(0)], [B]: [6, goals(0)] });
  socket.say({ type: 'update', game: A, base: 7, version: 8, patch: scored(3), position: 'e.20' });
  socket.say({ type: 'update', game: A, base: 8, version: 9, patch: scored(4), position: 'e.21' });
  assert.equal(live.gaps, 1);
  assert.equal(total(live, A), 0);
  const [, again, ...rest] = socket.commands('subscribe');
  assert.deepEqual(rest, []);
  assert.deepEqual(again, { type: 'subscribe', id: 2, topics: ['soccer/eng.1'], detail: 'full' });
  socket.load(again, 'e.22', { [A]: [9, goals(4)] });
  assert.equal(total(live, A), 4);
  assert.equal(live.games.has(B), false, 'not among the states: gone');
  const next = reconnect();
  assert.deepEqual(next.sent.map(({ topics, since }) => [topics, since]), [[['soccer/eng.1', 'tennis'], 'e.22']]);
});

test('a gap of a game that is not held reloads the team topic that may cover it', async () => {
  const { socket } = await loaded(['team/soccer/arsenal'], {});
  socket.say({ type: 'update', game: A, base: 7, version: 8, patch: scored(3) });
  assert.equal(live.gaps, 1);
  assert.equal(socket.commands('subscribe').length, 2);
});

test('resumed:false drops what is held under the topics and was not told; resumed:true keeps it', async () => {
  await loaded(['soccer', 'tennis'], { [A]: [5, goals(0)], [B]: [6, goals(0)], [T]: [7, goals(0)] });
  const removed = [];
  live.addEventListener('removed', ({ detail }) => removed.push(detail.topic));
  let socket = reconnect();
  socket.load(socket.sent[0], 'e.12', {}, { resumed: true });
  assert.equal(live.games.size, 3);
  socket = reconnect();
  const { id } = socket.sent[0];
  socket.load({ id, topics: ['soccer', 'tennis'] }, undefined, { [A]: [5, goals(0)] }, { reset: 'trimmed' });
  assert.equal(live.games.size, 3, 'nothing is dropped before the end mark');
  socket.say({ type: 'position', id, position: 'e.13' });
  assert.deepEqual([...live.games.keys()], [A]);
  assert.deepEqual(removed.sort(), [B, T]);
});

test('a load drops only under its own topics', async () => {
  const { socket } = await loaded(['soccer'], { [A]: [5, goals(0)] });
  live.subscribe('tennis', () => {});
  await turn();
  socket.load(socket.commands('subscribe')[1], 'e.11', { [T]: [7, goals(0)] });
  assert.deepEqual([...live.games.keys()], [A, T]);
});

test('a load of a team topic drops that team’s games only', async () => {
  const { socket } = await loaded(['soccer'], { [A]: [5, goals(0)], [B]: [6, { competitors: { home: { team: 'liverpool' } } }] });
  live.subscribe('team/soccer/arsenal', () => {});
  await turn();
  socket.load(socket.commands('subscribe')[1], 'e.11');
  assert.deepEqual([...live.games.keys()], [B]);
});

test('unsubscribed drops what no remaining topic covers', async () => {
  live = new Scoreline('http://scores.example');
  const all = live.subscribe('soccer', () => {});
  live.subscribe('team/soccer/arsenal', () => {});
  const socket = FakeSocket.last.accept();
  socket.load(socket.sent[0], 'e.9', { [A]: [5, goals(0)], [B]: [6, { competitors: { home: { team: 'liverpool' } } }] });
  all.unsubscribe();
  assert.deepEqual(socket.sent.at(-1), { type: 'unsubscribe', id: 2, topics: ['soccer'] });
  assert.equal(live.games.size, 2, 'held until the server says so');
  socket.say({ type: 'unsubscribed', id: 2, topics: ['soccer'] });
  assert.deepEqual([...live.games.keys()], [A]);
});

test('two callers of a topic share one subscription; the second is told what is held', async () => {
  const { socket } = await loaded(['soccer'], { [A]: [5, goals(1)] });
  const told = [];
  const stop = new AbortController();
  live.subscribe('soccer', (game, change) => told.push(change.version), { signal: stop.signal });
  await turn();
  assert.deepEqual(told, [5]);
  assert.equal(socket.commands('subscribe').length, 1);
  stop.abort();
  socket.say({ type: 'update', game: A, base: 5, version: 6, patch: scored(2) });
  assert.deepEqual(told, [5]);
  assert.equal(socket.commands('unsubscribe').length, 0);
});

test('a load of games held and unchanged tells nobody twice', async () => {
  const { socket, seen } = await loaded(['soccer'], { [A]: [5, goals(1)] });
  const told = [];
  live.subscribe('soccer/eng.1', (game, change) => told.push(change.version));
  await turn();
  socket.load(socket.commands('subscribe')[1], 'e.11', { [A]: [5, goals(1)] });
  assert.deepEqual([seen.length, told], [1, [5]]);
});

test('positions count only for topics whose newest subscribe had its end mark', async () => {
  const { socket } = await loaded(['soccer'], { [A]: [5, goals(0)] });
  live.subscribe('tennis', () => {});
  await turn();
  const tennis = socket.commands('subscribe')[1];
  socket.say({ type: 'subscribed', id: tennis.id, topics: ['tennis'], resumed: false });
  socket.say({ type: 'update', game: A, base: 5, version: 6, patch: scored(1), position: 'e.30' });
  socket.say({ type: 'heartbeat', position: 'e.31', time_ms: Date.now() });
  const next = reconnect();
  assert.deepEqual(next.sent.map(({ topics, since }) => [topics, since]), [[['soccer'], 'e.31'], [['tennis'], undefined]]);
  // Resuming: until its end mark each topic keeps the position it was subscribed with.
  next.say({ type: 'subscribed', id: next.sent[0].id, topics: ['soccer'], resumed: true });
  next.say({ type: 'update', game: A, base: 6, version: 7, patch: scored(2), position: 'e.40' });
  const third = reconnect();
  assert.equal(third.sent[0].since, 'e.31');
  third.load(third.sent[0], 'e.41', {}, { resumed: true });
  third.say({ type: 'feed', feed: 'espn', status: 'stale', position: 'e.42' });
  third.say({ type: 'removed', game: A, position: 'e.43' });
  const fourth = reconnect();
  assert.deepEqual(fourth.sent.map(({ topics, since }) => [topics, since]), [[['soccer'], 'e.43'], [['tennis'], undefined]]);
});

test('subscribing again in another detail keeps the position it was sent with until the new end mark', async () => {
  const { socket } = await loaded(['soccer'], { [A]: [5, goals(0)] }, { detail: 'score' });
  live.subscribe('soccer', () => {}, { detail: 'full' });
  await turn();
  const again = socket.commands('subscribe')[1];
  assert.deepEqual(again, { type: 'subscribe', id: 2, topics: ['soccer'], detail: 'full', since: 'e.10' });
  socket.say({ type: 'heartbeat', position: 'e.50', time_ms: Date.now() });
  assert.equal(reconnect().sent[0].since, 'e.10');
});

test('a reset of a subscribe voids the positions of its topics until their end mark', async () => {
  await loaded(['soccer', 'tennis'], { [A]: [5, goals(0)] });
  const socket = reconnect();
  const [command] = socket.sent;
  assert.equal(command.since, 'e.10');
  socket.say({ type: 'reset', id: command.id, reason: 'epoch' });
  socket.say({ type: 'subscribed', id: command.id, topics: command.topics, resumed: false });
  socket.say({ type: 'heartbeat', position: 'f.1', time_ms: Date.now() });
  assert.equal(reconnect().sent[0].since, undefined);
});

test('a reset of the connection: no position for any topic, states, and the drop at the position without id', async () => {
  const { socket } = await loaded(['soccer', 'tennis'], { [A]: [5, goals(0)], [T]: [6, goals(0)] });
  socket.say({ type: 'reset', reason: 'epoch' });
  socket.say({ type: 'state', game: A, version: 2, state: goals(3) });
  socket.say({ type: 'heartbeat', position: 'f.1', time_ms: Date.now() });
  assert.equal(live.games.size, 2);
  socket.say({ type: 'position', position: 'f.2' });
  assert.deepEqual([...live.games.keys()], [A]);
  assert.equal(total(live, A), 3);
  assert.equal(live.state, 'live');
  socket.say({ type: 'update', game: A, base: 2, version: 3, patch: scored(4), position: 'f.3' });
  assert.equal(reconnect().sent[0].since, 'f.3');
});

test('cut within a reset of the connection, all loads without a position', async () => {
  const { socket } = await loaded(['soccer'], { [A]: [5, goals(0)] });
  socket.say({ type: 'reset', reason: 'trimmed' });
  socket.say({ type: 'state', game: A, version: 6, state: goals(3), position: 'e.70' });
  assert.equal(reconnect().sent[0].since, undefined);
});

test('a reset of the connection finishes the load under way and spares the queued', async () => {
  const { socket } = await loaded(['soccer'], { [A]: [5, goals(0)] });
  live.subscribe('tennis', () => {});
  await turn();
  live.subscribe('golf', () => {});
  await turn();
  const [, tennis, golf] = socket.commands('subscribe');
  socket.say({ type: 'subscribed', id: tennis.id, topics: ['tennis'], resumed: false });
  socket.say({ type: 'state', game: 'golf/pga/open', version: 1, state: {} }, { type: 'state', game: T, version: 8, state: goals(1) });
  socket.say({ type: 'reset', reason: 'epoch' });
  socket.say({ type: 'state', game: A, version: 5, state: goals(0) }, { type: 'state', game: T, version: 8, state: goals(1) });
  socket.say({ type: 'position', position: 'f.1' });
  assert.deepEqual([...live.games.keys()].sort(), [A, T, 'golf/pga/open'].sort().filter((game) => live.games.has(game)));
  assert.equal(live.games.has(T), true);
  socket.say({ type: 'position', id: tennis.id, position: 'f.1' });
  assert.equal(live.games.has(T), true);
  socket.load(golf, 'f.2', { 'golf/pga/open': [1, {}] });
  assert.deepEqual([...live.games.keys()].sort(), ['golf/pga/open', A, T].sort());
  assert.deepEqual(reconnect().sent.map(({ topics, since }) => [topics, since]), [[['soccer', 'tennis', 'golf'], 'f.2']]);
});

test('a reset within a reset takes its place: its end mark is the one that counts, and the connection is live with it', async () => {
  const { socket } = await loaded(['soccer'], { [A]: [5, goals(2)], [B]: [6, goals(0)] });
  live.delay = 30;
  live.delay = 60;
  socket.say({ type: 'options', id: 2, delay: 30, max_rate: 0, mode: 'latest' }, { type: 'reset', id: 2, reason: 'delay' });
  socket.say({ type: 'state', game: B, version: 4, state: goals(1) });
  // The log's epoch rolls meanwhile: what the first still owed is told by the second.
  socket.say({ type: 'reset', reason: 'epoch' }, { type: 'status', live: false, reason: 'broker' });
  assert.equal(live.state, 'stale');
  socket.say({ type: 'state', game: A, version: 3, state: goals(1) }, { type: 'status', live: true }, { type: 'position', position: 'f.1' });
  assert.deepEqual([...live.games.keys()], [A]);
  assert.equal(live.state, 'live');
  socket.say({ type: 'options', id: 3, delay: 60, max_rate: 0, mode: 'latest' }, { type: 'reset', id: 3, reason: 'delay' });
  socket.say({ type: 'reset', reason: 'epoch' }, { type: 'reset', reason: 'epoch' });
  socket.say({ type: 'state', game: A, version: 2, state: goals(0) }, { type: 'position', position: 'g.1' });
  socket.say({ type: 'update', game: A, base: 2, version: 3, patch: scored(1), position: 'g.2' });
  assert.equal(total(live, A), 1);
  assert.equal(reconnect().sent[0].since, 'g.2');
});

test('two changes of the delay while a topic loads: each in its turn, the newest is the one that stays', async () => {
  const { socket } = await loaded(['soccer'], { [A]: [5, goals(2)] });
  live.subscribe('tennis', () => {});
  await turn();
  const tennis = socket.sent.at(-1);
  socket.say({ type: 'subscribed', id: tennis.id, topics: ['tennis'], resumed: false });
  live.tune({ delay: 30 });
  live.tune({ delay: 10, maxRate: 2 });
  const [first, second] = socket.commands('options');
  assert.deepEqual([first.delay, second.delay, second.max_rate], [30, 10, 2]);
  socket.say({ type: 'state', game: T, version: 8, state: goals(1) }, { type: 'position', id: tennis.id, position: 'e.11' });
  socket.say({ type: 'options', id: first.id, delay: 30, max_rate: 2, mode: 'latest' }, { type: 'reset', id: first.id, reason: 'delay' });
  socket.say({ type: 'state', game: A, version: 4, state: goals(1) }, { type: 'position', id: first.id, position: 'e.4' });
  assert.deepEqual([...live.games.keys()], [A], 'tennis began later than thirty seconds ago');
  socket.say({ type: 'options', id: second.id, delay: 10, max_rate: 2, mode: 'latest' });
  socket.say({ type: 'state', game: T, version: 7, state: goals(0) }, { type: 'position', id: second.id, position: 'e.9' });
  assert.deepEqual([...live.games.keys()], [A, T]);
  assert.equal(live.state, 'live');
  const next = reconnect();
  assert.deepEqual([next.url.searchParams.get('delay'), next.sent.map(({ topics, since }) => [topics, since])], ['10', [[['soccer', 'tennis'], 'e.9']]]);
});

test('raising the delay: options, reset with its id, states, end mark with its id', async () => {
  const { socket } = await loaded(['soccer'], { [A]: [5, goals(2)], [B]: [6, goals(0)] });
  live.delay = 30;
  const options = socket.sent.at(-1);
  assert.deepEqual(options, { type: 'options', id: 2, delay: 30, max_rate: 0, mode: 'latest' });
  socket.say({ type: 'options', id: 2, delay: 30, max_rate: 0, mode: 'latest' });
  socket.say({ type: 'reset', id: 2, reason: 'delay' });
  socket.say({ type: 'state', game: A, version: 4, state: goals(1) });
  socket.say({ type: 'position', id: 2, position: 'e.8' });
  assert.deepEqual([...live.games.keys()], [A]);
  assert.equal(total(live, A), 1);
  const next = reconnect();
  assert.equal(next.url.searchParams.get('delay'), '30');
  assert.equal(next.sent[0].since, 'e.8');
});

test('coming back with a longer delay it has no position, with a shorter one it has', async () => {
  const { socket } = await loaded(['soccer'], { [A]: [5, goals(2)] });
  live.delay = 30;
  socket.say({ type: 'update', game: A, base: 5, version: 6, patch: scored(3), position: 'e.11' });
  const behind = reconnect();
  assert.equal(behind.url.searchParams.get('delay'), '30');
  assert.equal(behind.sent[0].since, undefined, 'what it holds is newer than the moment it asks for');
  behind.load(behind.sent[0], 'e.5', { [A]: [4, goals(1)] });
  assert.equal(total(live, A), 1);
  live.delay = 10;
  const nearer = reconnect();
  assert.equal(nearer.sent[0].since, 'e.5');
  nearer.load(nearer.sent[0], 'e.9', {}, { resumed: true });
  live.delay = 20;
  assert.equal(reconnect().sent[0].since, undefined, 'the shorter delay was the one of its position');
});

test('where options cannot be changed a longer delay leaves the connection: from then on nothing newer is shown', async () => {
  class Fixed extends FakeSocket { fixed = true; }
  const { socket } = await loaded(['soccer'], { [A]: [5, goals(2)] }, { transport: Fixed });
  live.delay = 30;
  assert.equal(socket.closed.code, 1000);
  socket.say({ type: 'update', game: A, base: 5, version: 6, patch: scored(3), position: 'e.11' });
  assert.equal(total(live, A), 2);
  await turn();
  live.delay = 40;
  const passed = FakeSocket.last;
  assert.equal(passed.url.searchParams.get('delay'), '30');
  await turn();
  const next = FakeSocket.last.accept();
  assert.equal(next.url.searchParams.get('delay'), '30', 'one that is being made is asked when it opens');
  await turn();
  const last = FakeSocket.last.accept();
  assert.equal(last.url.searchParams.get('delay'), '40');
  assert.equal(next.closed.code, 1000);
  assert.equal(last.sent[0].since, undefined);
  last.load(last.sent[0], 'e.5', { [A]: [4, goals(1)] });
  assert.equal(total(live, A), 1);
  assert.equal(live.state, 'live');
});

test('a delay set while the socket opens goes first', async () => {
  live = new Scoreline('http://scores.example');
  live.subscribe('soccer', () => {});
  live.delay = 10;
  const socket = FakeSocket.last.accept();
  assert.deepEqual(socket.sent.map(({ type }) => type), ['options', 'subscribe']);
});

test('resuming only in score detail strips the full fields first', async () => {
  live = new Scoreline('http://scores.example');
  const full = live.subscribe('soccer', () => {});
  live.subscribe('soccer/eng.1', () => {}, { detail: 'score' });
  const socket = FakeSocket.last.accept();
  for (const command of socket.commands('subscribe')) {
    socket.load(command, 'e.9', { [A]: [5, goals(1, 0, { incidents: {}, situation: {}, info: {} })] });
  }
  socket.end();
  full.unsubscribe();
  mock.timers.tick(500);
  const next = FakeSocket.last.accept();
  assert.deepEqual(next.sent, [{ type: 'subscribe', id: 3, topics: ['soccer/eng.1'], detail: 'score', since: 'e.9' }]);
  assert.deepEqual(live.games.get(A), goals(1));
});

test('removed: the game is gone, and comes back as a new one', async () => {
  const { socket, seen } = await loaded(['soccer'], { [A]: [5, goals(1)] });
  const removed = [];
  live.addEventListener('removed', ({ detail }) => removed.push([detail.topic, detail.game.status]));
  socket.say({ type: 'removed', game: A, position: 'e.11' });
  assert.deepEqual(removed, [[A, 'live']]);
  socket.say({ type: 'state', game: A, version: 12, state: goals(0) });
  assert.equal(seen.at(-1).before, undefined);
});

test('corrections and catching up are marked', async () => {
  const { socket, seen } = await loaded(['soccer'], { [A]: [5, goals(1, 0, { correction: { at: 1 } })] });
  assert.equal(seen[0].correction, undefined, 'an old one');
  const correction = { reason: 'score_decreased', before: { home: 1 }, after: { home: 0 }, at: 2 };
  socket.say({ type: 'update', game: A, base: 5, version: 6, patch: { ...scored(0), correction } });
  assert.deepEqual(seen[1].correction, correction);
  socket.say({ type: 'update', game: A, base: 6, version: 7, patch: { correction, status: 'final' } });
  assert.equal(seen[2].correction, undefined, 'said again, not new');
  const next = reconnect();
  next.load(next.sent[0], 'e.12', { [A]: [8, goals(2)] }, { resumed: true });
  next.say({ type: 'update', game: A, base: 8, version: 9, patch: scored(3) });
  assert.deepEqual(seen.slice(-2).map(({ resumed }) => resumed), [true, false]);
});

test('a callback that throws stops nobody else', async () => {
  live = new Scoreline('http://scores.example');
  const told = [];
  live.subscribe('soccer', () => { throw new Error('the page'); });
  live.subscribe('*', (game, { version }) => told.push(version));
  await turn();
  const socket = FakeSocket.last.accept();
  const { mock: later } = mock.method(process, 'nextTick', () => {}); // where node reports what a listener throws
  socket.load(socket.sent[0], 'e.1', { [A]: [5, goals(1)] });
  later.restore();
  assert.deepEqual(told, [5]);
  assert.throws(later.calls[0].arguments[0], /the page/);
});

test('a subscription iterates, newest of each game when slow, and ends', async () => {
  live = new Scoreline('http://scores.example');
  const subscription = live.subscribe('soccer');
  await turn();
  const socket = FakeSocket.last.accept();
  socket.load(socket.sent[0], 'e.1', { [A]: [5, goals(0)] });
  socket.say({ type: 'update', game: A, base: 5, version: 6, patch: scored(1) });
  const seen = [];
  for await (const change of subscription) {
    seen.push([change.topic, change.version]);
    if (seen.length === 1) socket.say({ type: 'state', game: B, version: 9, state: goals(0) });
    if (seen.length === 2) setImmediate(() => subscription.unsubscribe());
  }
  assert.deepEqual(seen, [[A, 6], [B, 9]]);
  assert.equal(socket.commands('unsubscribe').length, 1);
  const third = live.subscribe('soccer');
  for await (const _ of third) third.unsubscribe();
  const other = live.subscribe('tennis')[Symbol.asyncIterator]().next();
  live.close();
  assert.deepEqual(await other, { done: true, value: undefined });
});

test('the store of the README tells what is held, what changes and what goes, until it is left', async () => {
  const readme = await readFile(new URL('../../src/web/README.md', import.meta.url), 'utf8');
  const [, text] = /```js\n(export const scores[^]*?)```/.exec(readme);
  const { scores } = await import(`data:text/javascript,${encodeURIComponent(text)}`);
  const { socket } = await loaded(['soccer'], { [A]: [5, goals(1)] });
  const told = [];
  const leave = scores(live, 'soccer').subscribe((games) => told.push([...games].map(([key, game]) => [key, game.competitors.home.score.total])));
  await turn();
  socket.say({ type: 'update', game: A, base: 5, version: 6, patch: scored(2) });
  socket.say({ type: 'removed', game: A, position: 'e.11' });
  leave();
  socket.say({ type: 'state', game: A, version: 12, state: goals(0) });
  assert.deepEqual(told, [[], [[A, 1]], [[A, 2]], []]);
});

test('backs off with full jitter, 0.5 s doubling to 20 s, anew after 10 s of stable connection', async () => {
  live = new Scoreline('http://scores.example', { transport: 'ws' });
  const waits = [];
  for (let n = 0; n < 8; n++) {
    const opened = FakeSocket.all.length;
    let waited = 0;
    FakeSocket.last.end();
    while (FakeSocket.all.length === opened) {
      mock.timers.tick(250);
      waited += 250;
    }
    waits.push(waited);
  }
  assert.deepEqual(waits, [500, 1000, 2000, 4000, 8000, 16000, 20000, 20000]);
  const count = FakeSocket.all.length;
  FakeSocket.last.accept();
  for (let n = 0; n < 10; n++) {
    mock.timers.tick(1000);
    FakeSocket.last.say({ type: 'heartbeat', time_ms: Date.now() });
  }
  FakeSocket.last.end();
  mock.timers.tick(500);
  assert.equal(FakeSocket.all.length, count + 1);
  Math.random.mock.mockImplementation(() => 0.5);
  FakeSocket.last.end();
  mock.timers.tick(499);
  assert.equal(FakeSocket.all.length, count + 1);
  mock.timers.tick(1);
  assert.equal(FakeSocket.all.length, count + 2, 'half of one second by jitter');
});

test('once a WebSocket worked no other way is tried, however often it is lost before its hello', async () => {
  class Other extends FakeSocket { fixed = true; }
  await loaded(['soccer'], {}, { transport: ['ws', Other] });
  const ways = new Set();
  for (let loss = 0; loss < 5; loss++) {
    FakeSocket.last.end();
    mock.timers.tick(20_000);
    await turn();
    ways.add(FakeSocket.last.constructor);
  }
  assert.deepEqual([...ways], [FakeSocket]);
  assert.equal(FakeSocket.all.length, 6);
});

test('reconnects at once when online; asks a connection that seems alive', async () => {
  const { socket } = await loaded(['soccer'], {});
  socket.end();
  listeners.online();
  assert.equal(FakeSocket.all.length, 2);
  const next = FakeSocket.last.accept();
  listeners.online();
  assert.equal(next.sent.at(-1).type, 'ping');
  mock.timers.tick(2999);
  next.say({ type: 'pong', id: next.sent.at(-1).id, time_ms: Date.now() });
  mock.timers.tick(2999);
  assert.equal(FakeSocket.all.length, 2, 'answered: kept');
  listeners.online();
  mock.timers.tick(3000);
  assert.equal(next.closed.code, 1000);
  mock.timers.tick(1000);
  assert.equal(FakeSocket.all.length, 3);
});

test('a connection silent for two heartbeats and some is given up', async () => {
  live = new Scoreline('http://scores.example');
  FakeSocket.last.accept({ heartbeat: 5 });
  mock.timers.tick(12_999);
  assert.equal(live.state, 'live');
  FakeSocket.last.say({ type: 'heartbeat', time_ms: Date.now() });
  mock.timers.tick(12_999);
  assert.equal(live.state, 'live');
  mock.timers.tick(1);
  assert.equal(live.state, 'stale');
  mock.timers.tick(500);
  assert.equal(FakeSocket.all.length, 2);
});

for (const code of [1002, 1003, 1007, 1009, 4000, 4003]) {
  test(`close ${code} is final`, async () => {
    live = new Scoreline('http://scores.example');
    let why;
    live.addEventListener('state', ({ detail }) => { why = detail; });
    FakeSocket.last.accept().end(code, 'because');
    mock.timers.tick(60_000);
    assert.deepEqual(why, { state: 'closed', code, reason: 'because' });
    assert.equal(FakeSocket.all.length, 1);
  });
}

for (const code of [1000, 1001, 1006, 1011, 1012, 4008, 4029]) {
  test(`close ${code} is not final`, async () => {
    live = new Scoreline('http://scores.example');
    FakeSocket.last.accept().end(code);
    mock.timers.tick(500);
    assert.equal(FakeSocket.all.length, 2);
  });
}

test('4001 asks for one fresh token, and then is final', async () => {
  let asked = 0;
  live = new Scoreline('http://scores.example', { token: async () => `t${++asked}` });
  await turn();
  FakeSocket.last.accept().end(4001);
  mock.timers.tick(500);
  await turn();
  assert.deepEqual(FakeSocket.last.protocols, ['scoreline.v1.json', 'bearer.t2']);
  FakeSocket.last.accept();
  FakeSocket.last.end(4001);
  assert.equal(live.state, 'closed');
});

test('4001 after a good while asks again; another loss keeps the token', async () => {
  let asked = 0;
  live = new Scoreline('http://scores.example', { token: async () => `t${++asked}` });
  for (const [code, token] of [[1006, 't1'], [4001, 't2'], [4001, 't3']]) {
    await turn();
    FakeSocket.last.accept({ heartbeat: 60 });
    mock.timers.tick(10_000);
    FakeSocket.last.end(code);
    mock.timers.tick(500);
    await turn();
    assert.equal(FakeSocket.last.protocols[1], `bearer.${token}`);
  }
});

test('a token function that fails is told, and asked again as a lost connection is made again', async () => {
  let asked = 0;
  live = new Scoreline('http://scores.example', { token: async () => { if (++asked < 5) throw new Error('no token'); return 't'; } });
  const errors = [];
  live.addEventListener('error', ({ detail }) => errors.push(detail.message));
  await turn();
  for (const [n, wait] of [500, 1000, 2000, 4000].entries()) {
    assert.equal(asked, n + 1);
    mock.timers.tick(wait - 1);
    await turn();
    assert.equal(asked, n + 1, `not before ${wait} ms`);
    mock.timers.tick(1);
    await turn();
  }
  assert.deepEqual(errors, Array(4).fill('no token'));
  assert.deepEqual(FakeSocket.all.map(({ protocols }) => protocols[1]), ['bearer.t']);
  FakeSocket.last.accept();
  assert.equal(live.state, 'live');
});

test('4001 with a token that is a string is final', async () => {
  live = new Scoreline('http://scores.example', { token: 'x' });
  FakeSocket.last.accept().end(4001);
  assert.equal(live.state, 'closed');
});

test('goodbye: the new connection is made before the old one is broken', async () => {
  const { socket } = await loaded(['soccer'], { [A]: [5, goals(0)] });
  const states = [];
  live.addEventListener('state', ({ detail }) => states.push(detail.state));
  socket.say({ type: 'goodbye', reason: 'drain', reconnect_ms: 3120 });
  mock.timers.tick(3119);
  assert.equal(FakeSocket.all.length, 1);
  mock.timers.tick(1);
  assert.equal(FakeSocket.all.length, 2);
  socket.say({ type: 'update', game: A, base: 5, version: 6, patch: scored(1), position: 'e.11' });
  assert.equal(socket.closed, undefined);
  const next = FakeSocket.last.accept();
  assert.equal(socket.closed.code, 1000);
  assert.equal(next.sent[0].since, 'e.11');
  socket.say({ type: 'update', game: A, base: 6, version: 7, patch: scored(9), position: 'e.12' });
  next.load(next.sent[0], 'e.12', {}, { resumed: true });
  assert.equal(total(live, A), 1);
  assert.deepEqual(states, [], 'live all the time');
});

test('goodbye, and the next gateway is not there yet: the old one serves on', async () => {
  const { socket } = await loaded(['soccer'], { [A]: [5, goals(0)] });
  socket.say({ type: 'goodbye', reason: 'drain', reconnect_ms: 100 });
  mock.timers.tick(100);
  FakeSocket.last.end(1006);
  assert.equal(live.state, 'live');
  socket.say({ type: 'update', game: A, base: 5, version: 6, patch: scored(1) });
  assert.equal(total(live, A), 1);
  mock.timers.tick(500);
  FakeSocket.last.accept();
  assert.equal(FakeSocket.all.length, 3);
});

test('a refused command is tried again topic by topic; what is refused alone is an error', async () => {
  live = new Scoreline('http://scores.example');
  const errors = [];
  live.addEventListener('error', ({ detail }) => errors.push(detail.code));
  live.subscribe('soccer', () => {});
  live.subscribe('Bad/', () => {});
  const socket = FakeSocket.last.accept();
  socket.say({ type: 'error', id: 1, code: 'topic_invalid', message: 'no' });
  const [, ...alone] = socket.sent;
  assert.deepEqual(alone.map(({ topics }) => topics).sort(), [['Bad/'], ['soccer']]);
  const [bad, soccer] = alone.sort((a, b) => (a.topics[0] < b.topics[0] ? -1 : 1));
  socket.load(soccer, 'e.1', { [A]: [1, goals(0)] });
  socket.say({ type: 'error', id: bad.id, code: 'topic_invalid', message: 'no' });
  assert.deepEqual(errors, ['topic_invalid']);
  assert.equal(live.state, 'live');
});

test('unknown messages and fields are ignored; frames are shown raw', async () => {
  const { socket } = await loaded(['soccer'], { [A]: [5, goals(0)] });
  const raw = [];
  live.addEventListener('message', ({ detail }) => raw.push(detail));
  socket.say({ type: 'novelty', id: 1, position: 'e.99', more: [1] });
  assert.deepEqual(raw, ['{"type":"novelty","id":1,"position":"e.99","more":[1]}']);
  assert.equal(live.games.size, 1);
});

test('the clock ticks by the server’s time, as of the delay, and only while it runs', async () => {
  live = new Scoreline('http://scores.example');
  const now = Date.now();
  FakeSocket.last.accept({ time_ms: now + 5000 });
  const clock = { mode: 'up', running: true, ms: 60_000, at: now };
  assert.equal(live.clockNow({ status: 'live', clock }, now + 1000), 66_000);
  assert.equal(live.clockNow({ status: 'live', clock: { ...clock, running: false } }, now), 60_000);
  assert.equal(live.clockNow({ status: 'final', clock }, now + 1000), 60_000);
  assert.equal(live.clockNow({ status: 'live', clock: { ...clock, mode: 'down', ms: 3000 } }, now), 0);
  assert.ok(Number.isNaN(live.clockNow({ status: 'live' }, now)));
  live.delay = 4;
  assert.equal(live.clockNow({ status: 'live', clock }, now), 61_000);
});
