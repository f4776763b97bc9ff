// What the browser's side costs, in figures: `SCORELINE_BIN=… node tests/browser/bars.mjs`. Measured, never asserted:
// they are this machine's.

import { readdir, readFile } from 'node:fs/promises';

import { browser, otherOrigin, publish, scoreline } from './server.mjs';

const RUNS = 9;
const GAMES = 200;
const RATE = 50;
/** How long the busy page is watched, s. */
const WATCHED = 10;
/** What a page does on loading is not counted, ms. */
const SETTLED = 2000;

const server = await scoreline(['--allow-origin', '*']);
const chromium = await browser();
const sides = (home, away) => ({
  home: { kind: 'team', name: 'Arsenal', score: { total: home } },
  away: { kind: 'team', name: 'Chelsea', score: { total: away } },
});
const GAME = 'soccer/test-cup/bars';
await publish(server.url, { game: GAME, patch: { status: 'live', competitors: sides(1, 0) } });

/** Median (least–greatest). */
const spread = (figures) => {
  const sorted = [...figures].sort((a, b) => a - b);
  return `${Math.round(sorted[sorted.length >> 1])} (${Math.round(sorted[0])}–${Math.round(sorted.at(-1))}) ms`;
};

/** Notes when the first score is in the page, in ms since navigation, seen with the frame that paints it. */
const NOTE = (selector) => {
  const [host, inner] = selector.split('::');
  const look = () => {
    const there = document.querySelector(host);
    if (inner ? there?.shadowRoot?.querySelector(inner) : there) window.first ??= performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
};
const BLOCK = () => {
  window.WebSocket = class { close() {} };
};

/** Times to the first score of pages in fresh profiles. */
async function firstScore(url, selector, blocked = false) {
  const times = [];
  for (let run = 0; run < (blocked ? 3 : RUNS); run++) {
    const context = await chromium.newContext();
    if (blocked) await context.addInitScript(BLOCK);
    await context.addInitScript(NOTE, selector);
    const page = await context.newPage();
    await page.goto(url);
    await page.waitForFunction(() => window.first);
    times.push(await page.evaluate(() => window.first));
    await context.close();
  }
  return spread(times);
}

/** A process's CPU time so far, s; Linux. */
async function cpu(pid) {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/.*\) /, '').split(' ');
  return (+fields[11] + +fields[12]) / 100;
}

/** The process that draws a page: the renderer that was not there before. */
async function renderers() {
  const pids = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (line.includes('--type=renderer')) pids.push(pid);
  }
  return pids;
}

/** CPU and heap of a page that shows many games while they change. */
async function busy(url, shown) {
  const before = await renderers();
  const page = await chromium.newPage({ viewport: { width: 1280, height: 900 } });
  await page.goto(url);
  await page.waitForFunction(([selector, games]) => (document.querySelector('main > score-ticker')?.shadowRoot ?? document).querySelectorAll(selector).length >= games, [shown, GAMES]);
  // A session of its own each time: one that stays would be measured too.
  const heap = async () => {
    const session = await page.context().newCDPSession(page);
    await session.send('HeapProfiler.collectGarbage');
    const { usedSize } = await session.send('Runtime.getHeapUsage');
    await session.detach();
    return usedSize / 2 ** 20;
  };
  await new Promise((go) => setTimeout(go, SETTLED));
  const pids = (await renderers()).filter((pid) => !before.includes(pid));
  const spent = async () => (await Promise.all(pids.map(cpu))).reduce((sum, each) => sum + each, 0);
  const [heapBefore, cpuBefore, begun] = [await heap(), await spent(), performance.now()];
  // None waits for the answer to the one before: the rate is kept on a busy machine too.
  const answers = [];
  for (let n = 0; n < RATE * WATCHED; n++) {
    const due = begun + n * 1000 / RATE - performance.now();
    if (due > 0) await new Promise((go) => setTimeout(go, due));
    answers.push(publish(server.url, { game: `soccer/bars/g${n % GAMES}`, patch: { competitors: { home: { score: { total: n } } } } }));
  }
  await Promise.all(answers);
  const took = (performance.now() - begun) / 1000;
  const used = await spent() - cpuBefore;
  const heapAfter = await heap();
  await page.close();
  return `${(100 * used / took).toFixed(1)} % of a core at ${(RATE * WATCHED / took).toFixed(0)} updates/s, heap ${heapBefore.toFixed(1)} → ${heapAfter.toFixed(1)} MiB`;
}

const ticker = (attributes) => `<!doctype html><html lang="en"><title>Scores</title><script type="module" src="${server.url}/score-ticker.js"></script><main><score-ticker src="${server.url}" ${attributes}></score-ticker></main>`;
try {
  const site = await otherOrigin(ticker(`topic="${GAME}"`));
  console.log('first score after navigation, live page:', await firstScore(server.url, `li[data-topic="${GAME}"]`));
  console.log('first score after navigation, <score-ticker> on another origin:', await firstScore(site.url, 'score-ticker::article'));
  console.log('first score where WebSocket is silent, live page:', await firstScore(server.url, `li[data-topic="${GAME}"]`, true));
  console.log('first score where WebSocket is silent, <score-ticker>:', await firstScore(site.url, 'score-ticker::article', true));
  await site.stop();
  await publish(server.url, Array.from({ length: GAMES }, (_, n) => ({ game: `soccer/bars/g${n}`, patch: { status: 'live', period: { number: 1, kind: 'half', of: 2 }, clock: { mode: 'up', running: true, ms: 60_000 }, competitors: sides(0, 0) } })));
  // What no page goes below: the browser's own cost of a message, and of a frame.
  const floor = async (what, onmessage) => {
    const site = await otherOrigin(`<!doctype html><title>Bare</title><body>${'<p>0</p>'.repeat(GAMES)}<script type="module">
      const paragraphs = document.querySelectorAll('p');
      let n = 0, due;
      new WebSocket('${server.url.replace('http', 'ws')}/v1/ws?topics=soccer/bars').onmessage = () => { ${onmessage} };
    </script>`);
    console.log(what, await busy(site.url, 'p'));
    await site.stop();
  };
  await floor('a WebSocket whose messages nobody reads, for comparison:', '');
  await floor('the same, and one text node written with each:', 'paragraphs[++n % paragraphs.length].firstChild.data = n;');
  await floor('the same, and ten text nodes written five times a second:', `
    n++;
    due ??= setTimeout(() => requestAnimationFrame(() => {
      due = undefined;
      for (let i = 0; i < 10; i++) paragraphs[(n + i) % paragraphs.length].firstChild.data = n;
    }), 200);`);
  for (const layout of ['card', 'row', 'table']) {
    const site = await otherOrigin(ticker(`topic="soccer/bars" layout="${layout}"`));
    console.log(`${GAMES} games, <score-ticker layout=${layout}>:`, await busy(site.url, 'article'));
    await site.stop();
  }
  console.log(`${GAMES} games and the demo's, live page:`, await busy(server.url, '.games li'));
} finally {
  await chromium.close();
  await server.stop();
}
