// What every test in a real browser stands on: the built program, Chromium, pages whose complaints are kept, games to play.

import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { browser, publish, scoreline } from './server.mjs';

const AXE = await readFile(fileURLToPath(import.meta.resolve('axe-core/axe.min.js')), 'utf8');
const WEB = new URL('../../src/web/', import.meta.url);

export const GAME = 'soccer/test-cup/ars-che';
export const sides = (home, away) => ({
  home: { kind: 'team', name: 'Arsenal', abbr: 'ARS', team: 'arsenal', score: { total: home } },
  away: { kind: 'team', name: 'Chelsea', abbr: 'CHE', team: 'chelsea', score: { total: away } },
});
export const goal = (minute, status = 'confirmed') => ({ type: 'goal', status, side: 'home', athlete: 'Ada', minute, order: minute });

/** The demo and a browser: { server, chromium, complaints, open, kickOff, score, stop }. */
export async function stage() {
  const server = await scoreline(['--allow-origin', '*']);
  for (const name of await readdir(WEB)) {
    if (!/\.(js|css)$/.test(name)) continue;
    const served = await (await fetch(`${server.url}/${name}`)).text();
    assert.ok(served === await readFile(new URL(name, WEB), 'utf8'), `the program carries another ${name} than src/web has: build it again`);
  }
  const chromium = await browser();
  /** What pages said that they should not have; each test looks. */
  const complaints = [];
  const watch = (page) => {
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => { if (message.type() === 'error') complaints.push(message.text()); });
    return page;
  };
  return {
    server,
    chromium,
    complaints,
    watch,
    /** A page in a profile of its own. */
    async open(url, options = {}) {
      const page = watch(await chromium.newPage({ viewport: { width: 1280, height: 900 }, ...options }));
      complaints.length = 0;
      await page.goto(url);
      return page;
    },
    /** A game of the tests' own, at 1–1 with one goal told. */
    kickOff: (game = GAME) => publish(server.url, {
      game,
      patch: {
        status: 'live', competition: { name: 'Test Cup' }, period: { number: 2, kind: 'half', of: 2 },
        clock: { mode: 'up', running: true, ms: 3_660_000 }, competitors: sides(1, 1), incidents: { g1: goal(12) },
      },
    }),
    score: (game, side, total, incidents = {}) => publish(server.url, { game, patch: { competitors: { [side]: { score: { total } } }, incidents } }),
    async stop() {
      await chromium.close();
      await server.stop();
    },
  };
}

/** The accessibility violations of a page, in words. */
export async function axe(page) {
  await page.evaluate(AXE); // through the debugger, which no policy of the page forbids
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`).join('; ')}`);
}
