// Makes docs/pictures anew from the demo, as a newcomer sees it: node tests/browser/pictures.mjs [FOLDER]

import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { browser, otherOrigin, scoreline } from './server.mjs';

const folder = resolve(process.argv[2] ?? fileURLToPath(new URL('../../docs/pictures', import.meta.url)));
/** Goals to wait for, so that there is something to see. */
const GOALS = 4;

const server = await scoreline(['--allow-origin', '*']);
const chromium = await browser();
const open = async (url, options = {}) => {
  const page = await chromium.newPage({ viewport: { width: 1280, height: 900 }, reducedMotion: 'reduce', ...options });
  await page.goto(url);
  return page;
};

const cards = await otherOrigin(`<script type="module" src="${server.url}/score-ticker.js"></script>
  <style>body { margin: 24px; max-width: 1040px }</style><score-ticker topic="*" layout="card"></score-ticker>`);
// All are open from the beginning: what was just scored is marked on each.
const shots = Object.entries({
  'page-light': await open(server.url),
  'page-dark': await open(server.url, { colorScheme: 'dark' }),
  'page-phone': await open(server.url, { viewport: { width: 390, height: 844 } }),
  'ticker-card-light': await open(cards.url, { viewport: { width: 1088, height: 640 } }),
});
await shots[0][1].locator(`#moments .moment >> nth=${GOALS - 1}`).waitFor({ timeout: 300_000 });
for (const [name, page] of shots) await page.screenshot({ path: join(folder, `${name}.png`) });

await chromium.close();
await cards.stop();
await server.stop();
