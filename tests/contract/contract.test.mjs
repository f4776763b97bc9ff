// The documents for machines are what their standards say (public validators), and what the program says is what they say.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';

import { Validator } from '@seriousme/openapi-schema-validator';
import Ajv from 'ajv';
import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

import { get, listen, post, scoreline } from './service.mjs';

const asyncapiSchema = createRequire(import.meta.url)('@asyncapi/specs/schemas/3.0.0-without-$id.json');
const GAME = 'soccer/test-cup/ars-che';
const report = (home, more = {}) => ({
  game: GAME,
  patch: {
    status: 'live', competition: { name: 'Test Cup' }, clock: { mode: 'up', running: true, ms: 60_000 },
    competitors: { home: { name: 'Arsenal', team: 'arsenal', score: { total: home } }, away: { name: 'Chelsea', score: { total: 0 } } },
    incidents: { [`g${home}`]: { type: 'goal', status: 'confirmed', side: 'home', order: home } },
  },
  ...more,
});

let server;
const schemas = {};
/** Whether a value is what a schema says; throws what is wrong. */
function holds(name, value) {
  assert.ok(schemas[name](value), `${name}: ${JSON.stringify(schemas[name].errors)}\n${JSON.stringify(value)}`);
}

before(async () => {
  server = await scoreline();
  const openapi = await (await get(server, '/openapi.json')).json();
  const ajv = new Ajv2020({ strictTypes: false, allErrors: true, formats: { uint8: true, uint16: true, uint32: true, uint64: true, uint: true } });
  addFormats(ajv);
  for (const name of openapi.paths['/schemas/{name}.json'].parameters[0].schema.enum) {
    const response = await get(server, `/schemas/${name}.json`);
    assert.equal(response.headers.get('content-type'), 'application/json');
    schemas[name] = ajv.compile(await response.json());
  }
});
after(() => server?.stop());

test('/openapi.json is OpenAPI 3.1', async () => {
  const document = await (await get(server, '/openapi.json')).json();
  const { valid, errors } = await new Validator().validate(document);
  assert.ok(valid, JSON.stringify(errors));
  assert.match(document.openapi, /^3\.1/);
});

test('/asyncapi.json is AsyncAPI 3.0', async () => {
  const document = await (await get(server, '/asyncapi.json')).json();
  const ajv = new Ajv({ strict: false, allErrors: false, validateFormats: false });
  assert.ok(ajv.validate(asyncapiSchema, document), JSON.stringify(ajv.errors));
  assert.equal(document.asyncapi, '3.0.0');
});

test('every documented path answers, and its method is known', async () => {
  const { paths } = await (await get(server, '/openapi.json')).json();
  const filled = (path) => path.replace('{adapter}', 'espn').replace('{game}', 'soccer/no/game').replace('{name}', 'game');
  for (const [path, item] of Object.entries(paths)) {
    const base = item.servers ? server.ops : server.url;
    for (const method of ['get', 'post', 'delete', 'put', 'patch']) {
      if (path === '/v1/sse' && method === 'get') continue; // an answer without an end: below
      const response = await fetch(base + filled(path) + (path === '/v1/poll' ? '?topics=soccer' : ''), { method: method.toUpperCase() });
      await response.arrayBuffer();
      if (item[method]) {
        assert.ok(item[method].responses[response.status], `${method} ${path} answered ${response.status}, which is not documented`);
        assert.notEqual(response.status, 405, `${method} ${path}`);
      } else {
        // What is no WebSocket handshake is told so, whatever its method.
        assert.equal(response.status, path === '/v1/ws' ? 426 : 405, `${method} ${path} is not documented`);
      }
    }
  }
});

test('reports, results and problems are as their schemas say', async () => {
  const posted = async (body, key = 'demo') => post(server, body, key);
  for (const sent of [report(1), report(2, { id: 'evt-1' }), report(2, { id: 'evt-1' }), report(2)]) {
    holds('report', sent);
    const response = await posted(sent);
    assert.equal(response.status, 200);
    holds('result', await response.json());
  }
  const batch = await posted([report(3), { game: 'Nope', patch: {} }, { game: GAME, patch: { status: 'lve' } }]);
  assert.equal(batch.status, 207);
  holds('results', await batch.json());
  for (const [body, status, key] of [
    ['{', 400], [{ game: GAME }, 422], [{ game: GAME, patch: { stauts: 'live' } }, 422], [report(4, { if_version: 1 }), 409],
    [report(9, { id: 'evt-1' }), 422], [report(4), 401, 'wrong'],
  ]) {
    const response = await posted(body, key);
    assert.equal(response.status, status);
    assert.equal(response.headers.get('content-type'), 'application/problem+json');
    holds('problem', await response.json());
  }
  assert.equal(schemas.report({ game: GAME, patch: {}, image: {} }), false, 'a patch and an image');
  assert.equal(schemas.report({ game: GAME, patch: { stauts: 'live' } }), false, 'an unknown field');
  assert.ok(schemas.report({ game: GAME, patch: { clock: null, incidents: { g1: null } } }), 'null deletes');
});

test('what is read is as its schema says', async () => {
  const read = async (path, name) => {
    const response = await get(server, path);
    assert.equal(response.status, 200, path);
    const body = await response.json();
    holds(name, body);
    return body;
  };
  const { games } = await read('/v1/games', 'games');
  for (const { state } of Object.values(games)) holds('game', state);
  await read('/v1/games?detail=score', 'games');
  await read(`/v1/games/${GAME}`, 'held-game');
  await read(`/v1/history/${GAME}`, 'history');
  const { position, messages } = await read('/v1/poll?topics=*', 'poll');
  for (const message of messages) holds('message', message);
  await read(`/v1/poll?topics=*&wait=0&since=${position}`, 'poll');
  for (const path of ['/v1/games/soccer/no/game', '/v1/games?topics=Nope', '/v1/games?since=x.1', '/v1/nowhere', '/v1/ws']) {
    holds('problem', await (await get(server, path)).json());
  }
});

test('what is said over WebSocket is as its schema says, every kind of it that a demo has', async () => {
  const commands = [
    { type: 'subscribe', id: 1, topics: ['soccer'], detail: 'score' },
    { type: 'options', id: 2, max_rate: 5 },
    { type: 'ping', id: 3 },
    { type: 'unsubscribe', id: 4, topics: ['soccer'] },
    { type: 'subscribe', id: 5, topics: ['*'] },
    { type: 'subscribe', id: 6, topics: ['*'], since: 'nosuch.1' },
  ];
  for (const command of commands) holds('command', command);
  const refused = { type: 'subscribe', id: 7, topics: ['Nope!'] };
  const kinds = new Set();
  const wanted = ['hello', 'subscribed', 'state', 'position', 'update', 'removed', 'reset', 'unsubscribed', 'options', 'pong', 'error'];
  await listen(server, [...commands, refused], async (message) => {
    holds('message', message);
    kinds.add(message.type);
    // Once everything is loaded, something happens.
    if (message.type === 'error') {
      await post(server, report(5));
      await fetch(`${server.url}/v1/games/${GAME}`, { method: 'DELETE', headers: { authorization: 'Bearer demo' } });
    }
    return wanted.every((kind) => kinds.has(kind));
  });
  for (const wrong of [{ type: 'subscribe', id: 1 }, { type: 'ping', id: 1, more: 1 }, { type: 'nope', id: 1 }]) {
    assert.equal(schemas.command(wrong), false, JSON.stringify(wrong));
  }
});
