// What npm would publish: packed, installed into a project of its own, imported and bundled there; and the lines that
// the README gives for React and Vue, run in a page.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';

import { browser, publish, scoreline } from './server.mjs';
import { sides } from './stage.mjs';

const WEB = fileURLToPath(new URL('../../src/web/', import.meta.url));
const MODULES = fileURLToPath(new URL('node_modules/', import.meta.url));
const GAME = 'soccer/test-cup/package';

describe('the npm package', () => {
  let project;
  let listed;
  const run = (command, ...rest) => execFileSync(command, rest, { cwd: project, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

  before(async () => {
    project = await mkdtemp(join(tmpdir(), 'scoreline-'));
    const [packed] = JSON.parse(run('npm', 'pack', WEB, '--json'));
    listed = packed.files.map(({ path }) => path);
    await writeFile(join(project, 'package.json'), '{"private":true,"type":"module"}');
    run('npm', 'install', '--offline', '--no-audit', '--no-fund', join(project, packed.filename));
    for (const name of ['react', 'react-dom', 'scheduler', 'vue', '@vue']) await symlink(join(MODULES, name), join(project, 'node_modules', name));
  });
  after(() => rm(project, { recursive: true }));

  test('holds every module that one of it imports, the types and the README, and nothing of the pages', async () => {
    for (const name of listed.filter((path) => path.endsWith('.js'))) {
      const text = await readFile(join(project, 'node_modules/scoreline', name), 'utf8');
      for (const [, other] of text.matchAll(/'\.\/([\w-]+\.js)'/g)) assert.ok(listed.includes(other), `${name} imports ${other}`);
    }
    assert.ok(['README.md', 'scoreline.d.ts', 'scoreline-share.js', 'scoreline-cbor.js'].every((name) => listed.includes(name)), listed.join());
    assert.deepEqual(listed.filter((name) => /^page|^docs|html$|css$/.test(name)), []);
  });

  test('is imported under Node, the element too: a page may be made on a server', async () => {
    const said = run(process.execPath, '--input-type=module', '--eval', `
      import { Scoreline } from 'scoreline';
      import { ScoreTicker } from 'scoreline/score-ticker.js';
      console.log(typeof Scoreline.prototype.subscribe, typeof ScoreTicker);`);
    assert.equal(said.trim(), 'function function');
  });

  test('has types that are found by its name', async () => {
    await writeFile(join(project, 'use.ts'), `
      import { Scoreline } from 'scoreline';
      import 'scoreline/score-ticker.js';
      const live: Scoreline = new Scoreline('https://scores.example', { delay: 30 });
      live.subscribe('soccer', (game, { version }) => console.log(game.status, version satisfies number));`);
    run(process.execPath, join(MODULES, 'typescript/bin/tsc'), '--noEmit', '--strict', '--target', 'es2022', '--module', 'es2022', '--moduleResolution', 'bundler', '--lib', 'es2023,dom,dom.iterable', 'use.ts');
  });

  describe('bundled', () => {
    let server;
    let chromium;
    let shop;
    const score = (home, away) => publish(server.url, { game: GAME, patch: { status: 'live', competitors: sides(home, away) } });
    before(async () => {
      [server, chromium] = await Promise.all([scoreline(['--allow-origin', '*']), browser()]);
      await score(1, 0);
      /** The README's text: its code blocks in order. */
      const readme = await readFile(join(WEB, 'README.md'), 'utf8');
      const [store, react, vue] = [...readme.matchAll(/```js\n([^]*?)```/g)].map(([, code]) => code);
      await writeFile(join(project, 'store.js'), store);
      await writeFile(join(project, 'react.js'), `import { scores } from './store.js';\n${react}`);
      await writeFile(join(project, 'app.js'), `
        import { Scoreline } from 'scoreline';
        import 'scoreline/score-ticker.js';
        import { createElement } from 'react';
        import { createRoot } from 'react-dom/client';
        import { createApp, h, onScopeDispose, shallowRef } from 'vue';
        import { useScores } from './react.js';
        import { scores } from './store.js';
        const live = window.live = new Scoreline('${server.url}');
        const line = (games) => [...games.values()].map(({ competitors: { home, away } }) => home.score.total + '–' + away.score.total).join();
        const Scores = ({ topic }) => createElement('p', null, line(useScores(live, topic)));
        const root = createRoot(document.querySelector('#react'));
        root.render(createElement(Scores, { topic: '${GAME}' }));
        const app = createApp({ setup() {
          ${vue.replace("'soccer'", `'${GAME}'`)}
          return () => h('p', line(games.value));
        } });
        app.mount('#vue');
        window.leave = () => { root.unmount(); app.unmount(); };
        document.querySelector('score-ticker').client = live;`);
      await build({ entryPoints: ['app.js'], absWorkingDir: project, bundle: true, splitting: true, format: 'esm', outdir: 'out', define: { 'process.env.NODE_ENV': '"production"' }, logLevel: 'error' });
      shop = createServer(async (request, response) => {
        const script = request.url.endsWith('.js');
        response.setHeader('content-type', script ? 'text/javascript' : 'text/html; charset=utf-8');
        response.end(script ? await readFile(join(project, 'out', request.url)) : `<!doctype html><html lang="en"><title>Scores</title>
          <div id="react"></div><div id="vue"></div><score-ticker topic="${GAME}"></score-ticker><script type="module" src="/app.js"></script>`);
      });
      await new Promise((done) => shop.listen(0, '127.0.0.1', done).unref());
    });
    after(() => Promise.all([chromium?.close(), server?.stop(), shop?.close()]));

    test('it follows a game: the element, the React hook and the Vue lines of the README, until they are left', async () => {
      const page = await chromium.newPage();
      const complaints = [];
      page.on('pageerror', (error) => complaints.push(String(error)));
      await page.goto(`http://127.0.0.1:${shop.address().port}/`);
      const shows = async (text) => {
        for (const place of ['#react p', '#vue p']) await page.locator(place, { hasText: text }).waitFor();
        await page.locator('score-ticker article', { hasText: text }).waitFor();
      };
      await shows('1–0');
      await score(1, 3);
      await shows('1–3');
      assert.deepEqual(complaints, []);
      // Who is left asks for nothing more: with the last of a topic its game goes.
      await page.evaluate(() => {
        window.leave();
        document.querySelector('score-ticker').remove();
      });
      await page.waitForFunction(() => window.live.games.size === 0);
      await page.close();
    });
  });
});
