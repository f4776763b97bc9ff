// Tabs that share a connection, where subscribers have tokens: who shares with whom, and what is refused.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { browser, scoreline } from './server.mjs';

const SECRET = '0123456789abcdef0123456789abcdef';
const folder = await mkdtemp(join(tmpdir(), 'scoreline-'));
const config = join(folder, 'tokens.toml');
await writeFile(config, '[tokens]\nalgorithm = "HS256"\nsecret_env = "SCORELINE_TEST_JWT"\n');
process.env.SCORELINE_TEST_JWT = SECRET;
const server = await scoreline(['--config', config]);
const chromium = await browser();
after(async () => {
  await chromium.close();
  await server.stop();
  await rm(folder, { recursive: true });
});

const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
/** A subscriber's token that ends in so many seconds. */
const tokenOf = (sub, topics, ends = 600) => {
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub, topics, exp: Math.floor(Date.now() / 1000) + ends })}`;
  return `${signed}.${createHmac('sha256', SECRET).update(signed).digest('base64url')}`;
};
const connections = async () => +/^scoreline_connections\{transport="ws"\} (\d+)/m.exec(await (await fetch(`${server.ops}/metrics`)).text())[1];

/** Clients on one page, each with a token function of the same text: their sports, state, way, and refusals, once each knows. */
async function follow(clients, options = {}) {
  const context = await chromium.newContext();
  const page = await context.newPage();
  await page.goto(`${server.url}/docs`);
  await page.evaluate(async ([clients, options]) => {
    const { Scoreline } = await import('/scoreline.js');
    window.clients = clients.map(([token, ...topics]) => {
      const live = new Scoreline(location.origin, { token: async () => token, ...options });
      live.refused = [];
      live.addEventListener('error', ({ detail }) => live.refused.push(`${detail.code} ${detail.topics}`));
      for (const topic of topics) live.subscribe(topic);
      return live;
    });
  }, [clients, options]);
  await page.waitForFunction(() => window.clients.every(({ state }) => state === 'live'));
  const held = await page.evaluate(() => window.clients.map(({ games, transport, refused }) => [[...new Set([...games.keys()].map((key) => key.split('/')[0]))].join(), transport, refused.join()]));
  const opened = await connections();
  await context.close();
  return { held, opened };
}

test('who is somebody else has a connection of his own, though the functions that get the tokens are alike', async () => {
  const { held } = await follow([[tokenOf('ada', ['soccer']), 'soccer'], [tokenOf('bea', ['tennis']), 'tennis']]);
  assert.deepEqual(held, [['soccer', 'share', ''], ['tennis', 'share', '']]);
});

test('who is the same shares, also with a token got later', async () => {
  const { held, opened } = await follow([[tokenOf('ada', ['soccer'], 500), 'soccer'], [tokenOf('ada', ['soccer'], 600), 'soccer/harbour-league']]);
  assert.deepEqual(held, [['soccer', 'share', ''], ['soccer', 'share', '']]);
  assert.equal(opened, 1);
});

test('a topic that is refused is told to each that asks for it, and keeps no other from being live', async () => {
  const token = tokenOf('ada', ['soccer']);
  const { held } = await follow([[token, 'soccer', 'tennis'], [token, 'tennis', 'soccer/harbour-league']]);
  assert.deepEqual(held, [['soccer', 'share', 'forbidden tennis'], ['soccer', 'share', 'forbidden tennis']]);
});

test('where each token names somebody new, one is asked for, and its connection holds', async () => {
  const page = await chromium.newPage();
  await page.goto(`${server.url}/docs`);
  await page.evaluate(async (tokens) => {
    const { Scoreline } = await import('/scoreline.js');
    window.tokens = tokens;
    window.live = new Scoreline(location.origin, { token: async () => tokens.shift() });
    window.live.subscribe('soccer');
  }, ['a', 'b', 'c', 'd', 'e'].map((sub) => tokenOf(sub, ['soccer'])));
  await page.waitForFunction(() => ['live', 'closed'].includes(window.live.state));
  assert.deepEqual(await page.evaluate(() => [window.live.state, window.live.transport, window.tokens.length]), ['live', 'share', 4]);
  await page.close();
});

test('who is somebody else when the token is renewed leaves those who shared with him', async () => {
  const page = await chromium.newPage();
  await page.goto(`${server.url}/docs`);
  await page.evaluate(async ([ada, bea]) => {
    const { Scoreline } = await import('/scoreline.js');
    const sockets = [];
    window.WebSocket = class extends WebSocket {
      constructor(...args) {
        super(...args);
        sockets.push(this);
      }
    };
    let token = ada;
    const join = (token) => new Promise((done) => {
      const live = new Scoreline(location.origin, { token });
      for (const topic of ['soccer', 'tennis']) live.subscribe(topic);
      live.addEventListener('state', () => done(live), { once: true });
    });
    // One after the other: the hub is that of the first, and so is the token's function.
    window.clients = [await join(async () => token), await join(async () => ada)];
    window.sports = ({ state, games }) => [state, ...new Set([...games.keys()].map((key) => key.split('/')[0]))].join();
    window.opened = () => sockets.length;
    window.renew = () => {
      token = bea;
      sockets[0].onclose({ code: 4001 });
    };
  }, [tokenOf('ada', ['soccer']), tokenOf('bea', ['tennis'])]);
  await page.waitForFunction(() => window.clients.every((live) => window.sports(live) === 'live,soccer'));
  assert.equal(await page.evaluate(() => window.opened()), 1);
  await page.evaluate(() => window.renew());
  await page.waitForFunction(() => window.opened() > 2 && window.clients.every(({ state }) => state === 'live') && window.sports(window.clients[0]).includes('tennis'));
  assert.equal(await page.evaluate(() => window.sports(window.clients[1])), 'live,soccer');
  await page.close();
});

for (const transport of ['sse', 'poll']) {
  test(`a topic that is refused costs the others nothing over ${transport} either`, async () => {
    const token = tokenOf('ada', ['soccer']);
    const { held } = await follow([[token, 'soccer', 'tennis', 'golf'], [token, 'tennis']], { transport, share: false });
    assert.deepEqual(held, [['soccer', transport, 'forbidden golf,forbidden tennis'], ['', transport, 'forbidden tennis']]);
  });
}
