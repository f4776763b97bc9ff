// Long polling by itself: what is asked of the built program, poll by poll, and answers that it gives only when it has much to say.

import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';

import { Scoreline } from '../../src/web/scoreline.js';
import { FakeSocket } from './fake.mjs';
import { publish, scoreline, until } from './server.mjs';

const GAME = 'soccer/test-cup/ars-che';
const { fetch } = globalThis;
/** Undone after each test, the newest first. */
const undo = [];
afterEach(async () => {
  globalThis.fetch = fetch;
  while (undo.length) await undo.pop()();
});

const goals = (total) => ({ status: 'live', competitors: { home: { score: { total } } } });
const totalOf = (live, game = GAME) => live.games.get(game)?.competitors.home.score.total;

/** A client that polls. */
function polling(url, options = {}) {
  const live = new Scoreline(url, { transport: 'poll', ...options });
  undo.push(() => live.close());
  return live;
}

/** What is asked from now on; each poll's answer is kept beside it when it is there. */
function overhear() {
  const asked = [];
  globalThis.fetch = async (url, options) => {
    const poll = { query: Object.fromEntries(new URL(url).searchParams), path: new URL(url).pathname };
    asked.push(poll);
    const response = await fetch(url, options);
    if (response.ok) poll.answer = await response.clone().json();
    return response;
  };
  return asked;
}

test('asks at once, then is held back; each poll goes on from the position of the last', async () => {
  const server = await scoreline();
  undo.push(() => server.stop());
  const asked = overhear();
  const live = polling(server.url);
  await publish(server.url, { game: GAME, patch: goals(1) });
  live.subscribe('soccer/test-cup', () => {});
  await until('live', () => live.state === 'live');
  assert.equal(totalOf(live), 1);
  assert.equal(live.transport, 'poll');
  for (const total of [2, 3]) {
    await publish(server.url, { game: GAME, patch: goals(total) });
    await until('the new score', () => totalOf(live) === total);
  }
  const polls = asked.filter(({ path }) => path === '/v1/poll');
  assert.deepEqual(polls[0].query, { delay: '0', max_rate: '0', mode: 'latest', topics: 'soccer/test-cup', detail: 'full', wait: '0' });
  for (const [n, { query }] of polls.slice(1).entries()) assert.deepEqual([query.since, query.wait], [polls[n].answer.position, '20']);
  assert.deepEqual([live.gaps, live.versions.get(GAME)], [0, polls.at(-2).answer.messages.at(-1).version]);
});

test('topics come and go, each detail is asked for; a topic that is none is an error at once', async () => {
  const server = await scoreline();
  undo.push(() => server.stop());
  await publish(server.url, [{ game: GAME, patch: goals(1) }, { game: 'tennis/test-cup/a-b', patch: { ...goals(0), info: { court: 'one' } } }]);
  const asked = overhear();
  const live = polling(server.url, { detail: 'score' });
  live.subscribe('soccer/test-cup', () => {});
  await until('live', () => live.state === 'live');
  assert.equal(asked.at(-1).query.detail, 'score');
  const more = live.subscribe('tennis/test-cup', () => {}, { detail: 'full' });
  await until('the other topic, in full', () => live.games.get('tennis/test-cup/a-b')?.info?.court === 'one');
  assert.equal(live.games.size, 2);
  more.unsubscribe();
  await until('one game again', () => live.games.size === 1);
  const refused = new Promise((done) => live.addEventListener('error', ({ detail }) => done(detail), { once: true }));
  live.subscribe('Bad/', () => {});
  assert.equal((await refused).code, 'topic_invalid');
  await publish(server.url, { game: GAME, patch: goals(2) });
  await until('the new score', () => totalOf(live) === 2);
});

test('resumes when the server is there again, and starts over where it remembers nothing', async () => {
  const server = await scoreline();
  const asked = overhear();
  const live = polling(server.url);
  live.subscribe('soccer/test-cup', () => {});
  await publish(server.url, { game: GAME, patch: goals(4) });
  await until('the new score', () => totalOf(live) === 4);
  await server.stop('SIGKILL');
  await until('stale', () => live.state === 'stale');
  assert.equal(totalOf(live), 4, 'shown on');
  const again = await scoreline([], new URL(server.url).host);
  undo.push(() => again.stop());
  await until('live', () => live.state === 'live');
  const back = asked.find(({ answer, query }) => query.since && query.wait === '0' && answer);
  assert.deepEqual(back.answer.messages[0], { type: 'reset', id: 0, reason: 'epoch' });
  assert.equal(live.games.has(GAME), false, 'this server never heard of it');
  await publish(again.url, { game: GAME, patch: goals(5) });
  await until('the new score', () => totalOf(live) === 5);
});

/** Answers polls from a list, the last of them never. */
function answers(...list) {
  const asked = [];
  globalThis.fetch = (url, { signal }) => {
    asked.push(Object.fromEntries(new URL(url).searchParams));
    const answer = list.shift();
    if (answer) return Promise.resolve(typeof answer === 'number' ? new Response('', { status: answer }) : Response.json(answer));
    return new Promise((_, failed) => signal.addEventListener('abort', () => failed(signal.reason)));
  };
  return asked;
}
/** WebSockets that the test speaks through. */
function sockets() {
  FakeSocket.all = [];
  globalThis.WebSocket = FakeSocket;
  undo.push(() => { delete globalThis.WebSocket; });
}

const subscribed = { type: 'subscribed', id: 0, topics: ['soccer'], resumed: false, games: 2 };
const state = (game, version, total) => ({ type: 'state', game, version, state: goals(total) });
const [A, B, C] = ['a', 'b', 'c'].map((game) => `soccer/eng.1/${game}`);

test('a load in pieces is one load: nothing is dropped before its end, a later piece has the last word', async () => {
  const asked = answers(
    { position: 'e.1', messages: [subscribed, state(A, 1, 0), state(B, 2, 0), state(C, 3, 0)], more: false },
    { position: 'e.2', messages: [{ type: 'reset', id: 0, reason: 'trimmed' }, subscribed, state(A, 4, 1)], more: true },
    { position: 'e.3', messages: [subscribed, state(A, 5, 2), { type: 'removed', game: B }], more: false },
  );
  const live = polling('http://scores.example');
  const removed = [];
  live.addEventListener('removed', ({ detail }) => removed.push([detail.topic, totalOf(live, A)]));
  live.subscribe('soccer', () => {});
  await until('a fourth poll', () => asked.length === 4);
  assert.deepEqual(removed, [[B, 2], [C, 2]]);
  assert.deepEqual([...live.games.keys()], [A]);
  assert.deepEqual(asked.map(({ since, wait }) => [since, wait]), [[undefined, '0'], ['e.1', '20'], ['e.2', '20'], ['e.3', '20']]);
  assert.deepEqual([live.gaps, live.state], [0, 'live']);
});

test('a topic that is refused is told, costs the others nothing, and is not asked for again', async () => {
  const forbidden = (topic) => Response.json({ code: 'forbidden', detail: `topic "${topic}": the token does not cover it` }, { status: 403 });
  const asked = [];
  globalThis.fetch = async (address, { signal }) => {
    const { pathname, searchParams } = new URL(address);
    const { topics, token, wait } = Object.fromEntries(searchParams);
    asked.push(`${pathname} ${topics}`);
    assert.equal(token, 'abc');
    if (topics.includes('tennis')) return forbidden('tennis');
    if (pathname === '/v1/games') return Response.json({ games: {} });
    if (wait === '0') return Response.json({ position: 'e.1', messages: [subscribed, state(A, 1, 0)], more: false });
    return new Promise((_, failed) => signal.addEventListener('abort', () => failed(signal.reason)));
  };
  const live = polling('http://scores.example', { token: 'abc' });
  const errors = [];
  live.addEventListener('error', ({ detail }) => errors.push(detail));
  live.subscribe('soccer', () => {});
  live.subscribe('tennis', () => {});
  await until('live', () => live.state === 'live');
  const told = (topic) => ({ type: 'error', id: errors[0].id, code: 'forbidden', message: `topic "${topic}": the token does not cover it`, topics: [topic] });
  assert.deepEqual(errors, [told('tennis')]);
  assert.equal(totalOf(live, A), 0);
  assert.deepEqual(asked.slice(0, 4), ['/v1/poll soccer,tennis', '/v1/games soccer', '/v1/games tennis', '/v1/poll soccer']);
  live.subscribe('tennis', () => {}, { detail: 'score' });
  live.subscribe('soccer/eng.1', () => {});
  await until('the other topic', () => asked.includes('/v1/poll soccer,soccer/eng.1'));
  assert.equal(live.state, 'live');
});

test('a refusal for good closes; the mode that long polling has not is never asked of it', async () => {
  answers(403, 403); // the topic by itself too, and not for its own sake
  const live = polling('http://scores.example');
  const closed = new Promise((done) => live.addEventListener('state', ({ detail }) => detail.state === 'closed' && done(detail)));
  live.subscribe('soccer', () => {});
  assert.deepEqual(await closed, { state: 'closed', code: 4003, reason: 'HTTP 403' });
  const asked = answers();
  sockets();
  polling('http://scores.example', { mode: 'every', transport: ['poll', 'ws'] }).subscribe('soccer', () => {});
  await until('the next way is tried', () => FakeSocket.all.length);
  assert.deepEqual(asked, []);
});

test('what was remembered as blocked is tried again when that is over, once, and remembered anew', async () => {
  globalThis.localStorage = { scoreline: 0 };
  undo.push(() => { delete globalThis.localStorage; });
  sockets();
  const asked = answers({ position: 'e.1', messages: [subscribed, state(A, 1, 0)], more: false });
  const live = polling('http://scores.example', { transport: ['poll', 'ws'], blocked: true });
  live.subscribe('soccer', () => {});
  await until('WebSocket is tried', () => FakeSocket.all.length);
  assert.deepEqual(asked, []);
  await until('and again, or polled', () => {
    if (FakeSocket.last.closed === undefined) FakeSocket.last.end(1006);
    return live.state === 'live';
  });
  assert.equal(live.transport, 'poll');
  assert.ok(globalThis.localStorage.scoreline - Date.now() > 500_000);
});

test('where nothing but polling is asked for, nothing is remembered', async () => {
  globalThis.localStorage = {};
  undo.push(() => { delete globalThis.localStorage; });
  answers({ position: 'e.1', messages: [subscribed], more: false });
  const live = polling('http://scores.example', { transport: ['poll', 'sse'] });
  live.subscribe('soccer', () => {});
  await until('live', () => live.state === 'live');
  assert.deepEqual(globalThis.localStorage, {});
});
