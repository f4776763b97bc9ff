// Draws the dashboards as pictures: runs two gateways on a Redis under load for some minutes, asks a real Prometheus what each panel
// would ask, and lays that out with Grafana's own components (@grafana/ui) in Chromium. No Grafana runs. By hand, from the repository's
// root, after `cargo build --release`:
//
//   npm install --prefix dashboards/draw && npm ci --prefix tests/dashboards
//   SCORELINE_BIN=target/release/scoreline node dashboards/draw/draw.mjs [SECONDS]

import { mkdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

import { build } from 'esbuild';
import { chromium } from 'playwright-core';

import { FOLDER, dashboards, filled } from '../../tests/dashboards/files.mjs';
import { bench, cleanUp, folder, freePort, passing, post, prometheus, redis, scoreline, stop } from '../../tests/dashboards/service.mjs';

const SECONDS = Number(process.argv[2] ?? 180);
const HERE = fileURLToPath(new URL('.', import.meta.url));
const PICTURES = join(FOLDER, 'pictures');

const settings = (port) => `
listen = "127.0.0.1:0"
ops_listen = "127.0.0.1:0"
broker = "redis://127.0.0.1:${port}"
provider = ["harbour=a", "northwind=b", "desk=c"]
[limits]
heartbeat = "2s"
broker_grace = "1s"
`;

const BODY = '<!doctype html><body style="background:#111217;margin:0;padding:16px"><div id="root"></div>';

/** Plays a match day: goals, repeats, mistakes, fans that come back from elsewhere. */
async function play({ url }, provider, key, until, pace) {
  for (let time = 0; Date.now() < until; time++) {
    const total = time % 23 === 22 ? Math.floor(time / 8) - 1 : Math.floor(time / 8);
    const game = `soccer/${provider}-league/game-${time % 6}`;
    const report = { game, event_at: Date.now() - 150 - Math.round(Math.random() * 400), patch: { status: 'live', competitors: { home: { score: { total: Math.max(0, total) } } } } };
    await post(url, key, time % 17 === 16 ? { ...report, patch: { status: 'wild' } } : report).catch(() => {});
    if (time % 9 === 8) await passing(url, `topics=soccer&since=elsewhe0.${time}`).catch(() => {});
    await sleep(pace * (0.5 + Math.random()));
  }
}

async function measure() {
  const port = await freePort();
  const server = await redis(port);
  const gateways = [await scoreline('one', settings(port)), await scoreline('two', settings(port))];
  const ask = await prometheus(gateways.map(({ ops }) => ops));
  const begun = Date.now();
  const end = begun + SECONDS * 1000;
  const lasting = `${SECONDS - 15}s`;
  bench(gateways[0].url, 'a', '--connections', '600', '--rate', '40', '--games', '20', '--topics-per-connection', '3', '--duration', lasting, '--ramp', '20s', '--stalled', '0.02');
  bench(gateways[1].url, 'b', '--connections', '400', '--rate', '20', '--games', '10', '--topics-per-connection', '2', '--duration', lasting, '--ramp', '30s', '--storms', '2', '--slow', '0.03');
  const players = [play(gateways[0], 'harbour', 'a', end, 120), play(gateways[1], 'northwind', 'b', end - SECONDS * 400, 200), play(gateways[0], 'desk', 'c', end, 1500)];
  await sleep(SECONDS * 600);
  await stop(server);
  await sleep(4000);
  await redis(port);
  await Promise.all(players);
  const [from, to] = [begun + 5000, Date.now()];
  for (const { panels } of Object.values(dashboards)) {
    for (const panel of panels) {
      for (const target of panel.targets ?? []) {
        const asked = { query: filled(target.expr, '20s'), start: from / 1000, end: to / 1000, step: Math.max(1, SECONDS / 180) };
        target.answer = (await ask('query_range', asked)).result.map(({ metric, values }) => ({ metric: short(metric), values }));
      }
    }
  }
  return { from, to };
}

/** Ports are free ones here; people have names for their gateways. */
const names = new Map();
function short(metric) {
  if (!metric.instance) return metric;
  if (!names.has(metric.instance)) names.set(metric.instance, `gateway-${names.size + 1}`);
  return { ...metric, instance: names.get(metric.instance) };
}

async function draw({ from, to }) {
  const script = join(folder, 'page.js');
  const empty = { '.svg': 'dataurl', '.woff': 'empty', '.woff2': 'empty', '.ttf': 'empty' };
  await build({
    entryPoints: [join(HERE, 'page.jsx')], outfile: script, bundle: true, jsx: 'automatic', loader: empty, logLevel: 'error',
    define: { 'process.env.NODE_ENV': '"production"', global: 'window' },
  });
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM_BIN ?? '/usr/bin/chromium', args: ['--headless', '--no-sandbox', '--disable-gpu'] });
  mkdirSync(PICTURES, { recursive: true });
  for (const [name, dashboard] of Object.entries(dashboards)) {
    const page = await browser.newPage({ viewport: { width: 1472, height: 1000 } });
    page.on('pageerror', (error) => console.error(`${name}: ${error.message}`));
    // An origin of its own, because the components look into localStorage.
    await page.route('http://pictures.test/', (route) => route.fulfill({ contentType: 'text/html', body: BODY }));
    await page.goto('http://pictures.test/');
    await page.addStyleTag({ path: script.replace(/js$/, 'css') });
    await page.evaluate((pictured) => { window.pictured = pictured; }, { dashboard, from, to });
    await page.addScriptTag({ path: script });
    await sleep(2000);
    writeFileSync(join(PICTURES, `${name}.png`), await page.screenshot({ fullPage: true }));
    await page.close();
  }
  await browser.close();
}

try {
  await draw(await measure());
} finally {
  await cleanUp();
}
