// <score-ticker> in a real browser, on pages of another origin.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { otherOrigin, publish, scoreline, until } from './server.mjs';
import { axe, goal, sides, stage } from './stage.mjs';

const { server, complaints, open, kickOff, score, stop } = await stage();
after(stop);

describe('<score-ticker> on a plain page of another origin', () => {
  const plain = (attributes, html = 'lang="en"') => `<!doctype html><html ${html}><title>Scores</title><script type="module" src="${server.url}/score-ticker.js"></script>
    <main><h1>Scores</h1><score-ticker src="${server.url}" ${attributes}><p>Scores load here.</p></score-ticker></main>`;
  const policy = () => `default-src 'none'; style-src 'none'; script-src ${server.url}; connect-src ${server.url} ${server.url.replace('http', 'ws')}; require-trusted-types-for 'script'; trusted-types 'none'`;

  test('shows the newest score as text, in its shadow and beside its light DOM, under a strict policy', async () => {
    const game = 'soccer/test-cup/plain';
    await kickOff(game);
    const site = await otherOrigin(plain(`topic="${game}"`), policy());
    const page = await open(site.url);
    const ticker = page.locator('score-ticker');
    await ticker.locator('article').waitFor();
    assert.equal(await page.getByText('Scores load here.').isVisible(), false, 'the fallback made way');
    await score(game, 'home', 2, { g2: goal(62) });
    await ticker.locator('td.changed', { hasText: '2' }).waitFor();
    const [shadow, light, stale, padding] = await ticker.evaluate((element) => [
      element.shadowRoot.textContent, element.textContent, element.hasAttribute('stale'),
      getComputedStyle(element.shadowRoot.querySelector('article')).paddingTop,
    ]);
    assert.match(shadow, /Arsenal 2–1 Chelsea/);
    assert.match(light, /Arsenal 2–1 Chelsea/);
    assert.equal(stale, false);
    assert.equal(padding, '8px', 'styled, though the page allows no style');
    assert.deepEqual(complaints, []);
    await page.close();
    await site.stop();
  });

  test('a change writes only the texts that differ: nothing is made anew, other games are not touched', async () => {
    const game = 'soccer/draw-cup/one';
    await kickOff(game);
    await kickOff('soccer/draw-cup/other');
    const site = await otherOrigin(plain('topic="soccer/draw-cup"'));
    const page = await open(site.url);
    await page.locator('score-ticker article').nth(1).waitFor();
    await page.locator('score-ticker').evaluate(({ shadowRoot }) => {
      window.written = [];
      const note = (records) => window.written.push(...records.map(({ type, target }) => `${type} ${target.parentElement?.closest('[part]')?.getAttribute('part')}`));
      new MutationObserver(note).observe(shadowRoot.querySelector('div'), { subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ['part', 'dir', 'scope', 'data-topic'] });
    });
    await score(game, 'home', 2);
    await page.locator('score-ticker td.changed', { hasText: '2' }).waitFor();
    const written = (await page.evaluate(() => window.written)).filter((what) => what !== 'characterData status'); // a minute may pass
    assert.deepEqual(written.sort(), ['characterData game', 'characterData total']);
    await page.close();
    await site.stop();
  });

  test('fires its events, speaks scores and corrections only, and shows what was taken back', async () => {
    const game = 'soccer/test-cup/events';
    await kickOff(game);
    const site = await otherOrigin(plain(`topic="${game}"`));
    const page = await open(site.url);
    await page.locator('score-ticker article').waitFor();
    await page.evaluate(() => {
      window.fired = [];
      for (const name of ['update', 'score', 'correction', 'state']) {
        document.addEventListener(`scoreline-${name}`, ({ detail }) => window.fired.push([name, detail.version]));
      }
    });
    const spoken = page.locator('score-ticker [role=status]');
    await publish(server.url, { game, patch: { info: { venue: 'Elsewhere' } } });
    await page.waitForFunction(() => window.fired.length === 1);
    assert.equal(await spoken.textContent(), '');
    await score(game, 'home', 2);
    await spoken.getByText(/^Arsenal 2–1 Chelsea, 6\d′\.$/).waitFor({ state: 'attached' });
    assert.equal(await page.evaluate(() => window.fired.length), 3);
    await score(game, 'home', 1);
    await page.waitForFunction(() => window.fired.some(([name]) => name === 'correction'));
    await spoken.getByText(/^Correction: score taken back\. Arsenal 1–1 Chelsea/).waitFor({ state: 'attached' });
    await page.locator('score-ticker [part=correction] s', { hasText: '2–1' }).waitFor();
    assert.deepEqual((await page.evaluate(() => window.fired)).map(([name]) => name), ['update', 'update', 'score', 'update', 'score', 'correction']);
    await page.close();
    await site.stop();
  });

  test('shows every sport the way it is read', async () => {
    const competitors = (home, away) => ({ home: { name: 'Ada', score: home }, away: { name: 'Bea', score: away } });
    const games = {
      tennis: [{ period: { number: 2, kind: 'set' }, competitors: competitors({ sets: 1, points: '40', parts: { 1: 6, 2: 4 } }, { sets: 0, points: '15', parts: { 1: 3, 2: 5 } }) }, /Ada 6 4 40 1 Bea 3 5 15 0/],
      cricket: [{ period: { number: 2, kind: 'innings' }, competitors: competitors({ total: 166, wickets: 5, balls: 120 }, { total: 70, wickets: 2, balls: 46 }) }, /Ada \(20\.0\) 166\/5 Bea \(7\.4\) 70\/2/],
      baseball: [{ period: { number: 8, kind: 'inning', half: 'bottom' }, competitors: competitors({ total: 4, hits: 8, errors: 1, parts: { 1: 3, 2: 1 } }, { total: 2, hits: 5, errors: 0, parts: { 1: 0, 2: 2 } }) }, /Bottom 8th.*Ada 3 1 8 1 4 Bea 0 2 5 0 2/s],
      basketball: [{ period: { number: 3, kind: 'quarter' }, clock: { mode: 'down', running: false, ms: 245_000 }, competitors: competitors({ total: 57, parts: { 1: 30, 2: 27 } }, { total: 59, parts: { 1: 29, 2: 30 } }) }, /Q3 4:05.*Ada 30 27 57/s],
      golf: [{ competitors: { 1: { name: 'Ada', score: { total: -4, rank: 2, thru: 12 } }, 2: { name: 'Bea', score: { total: -7, rank: 1, thru: 'F' } }, 3: { name: 'Cem', score: { total: 0, rank: 3, thru: 3 } } } }, /1 Bea F −7 2 Ada 12 −4 3 Cem 3 E/],
    };
    await publish(server.url, Object.entries(games).map(([sport, [patch]]) => ({ game: `${sport}/test-cup/look`, patch: { status: 'live', ...patch } })));
    const topics = Object.keys(games).map((sport) => `${sport}/test-cup/look`).join(' ');
    const site = await otherOrigin(plain(`topic="${topics}" layout="card"`));
    const page = await open(site.url);
    for (const [sport, [, expected]] of Object.entries(games)) {
      const article = page.locator(`score-ticker article[data-topic^="${sport}/"]`);
      await article.waitFor();
      const read = async () => (await article.evaluate((element) => [element.querySelector('header').textContent, element.querySelector('table').textContent].join(' '))).replace(/\s+/g, ' ');
      // What a sport is read by is loaded with its first game.
      await until(`${sport} as ${expected}`, async () => expected.test(await read()));
    }
    await page.close();
    await site.stop();
  });

  test('a field of 156: all in a table, the leaders elsewhere; who takes the lead is spoken', async () => {
    const game = 'golf/test-cup/field';
    const player = (n, rank = n) => ({ kind: 'athlete', name: `Player ${n}`, score: { total: n - 60, rank, thru: n % 18, strokes: 60 + n } });
    await publish(server.url, { game, patch: { status: 'live', competition: { name: 'Test Open' }, competitors: Object.fromEntries(Array.from({ length: 156 }, (_, n) => [n + 1, player(n + 1)])) } });
    const site = await otherOrigin(plain(`topic="${game}" layout="table"`).replace('</main>', `<score-ticker src="${server.url}" topic="${game}" layout="row"></score-ticker></main>`));
    const page = await open(site.url);
    const [table, row] = [page.locator('score-ticker[layout=table]'), page.locator('score-ticker[layout=row]')];
    const names = async (ticker) => (await ticker.locator('tbody th').allTextContents()).map((text) => text.trim());
    await table.locator('tbody tr').nth(155).waitFor();
    assert.deepEqual(await names(table), Array.from({ length: 156 }, (_, n) => `${n + 1} Player ${n + 1}`));
    assert.equal((await names(row)).length, 5);
    await publish(server.url, { game, patch: { competitors: { 100: { score: { total: -90, rank: 1 } }, 1: { score: { rank: 2 } } } } });
    await table.locator('tbody tr').first().getByText('Player 100').waitFor();
    await row.locator('tbody tr').first().getByText('Player 100').waitFor();
    assert.match((await names(table))[1], /^2 Player [12]$/);
    await table.locator('[role=status]').getByText(/^Player 100 −90, Player/).waitFor({ state: 'attached' });
    assert.deepEqual(await axe(page), []);
    await page.close();
    await site.stop();
  });

  test('right to left it is mirrored; what is new stands out for a moment, with reduced motion it does not flash; nothing moves', async () => {
    const game = 'soccer/test-cup/mirror';
    await kickOff(game);
    for (const [html, before] of [['lang="ar" dir="rtl"', false], ['lang="en"', true]]) {
      const site = await otherOrigin(plain(`topic="${game}"`, html));
      const page = await open(site.url, { reducedMotion: before ? 'no-preference' : 'reduce' });
      await page.locator('score-ticker article').waitFor();
      await score(game, 'home', before ? 3 : 2);
      const total = page.locator('score-ticker td.changed');
      await total.waitFor();
      const colour = () => total.evaluate((cell) => getComputedStyle(cell).backgroundColor);
      const first = await colour();
      const [name, figure] = [await page.locator('score-ticker tbody th').first().boundingBox(), await total.boundingBox()];
      assert.equal(name.x < figure.x, before, 'the name stands where reading begins');
      await page.locator('score-ticker article:not(.fresh) td.changed').waitFor();
      assert.equal(await colour() !== first, before, 'marked, and no longer standing out');
      assert.deepEqual(await total.evaluate((cell) => cell.getRootNode().getAnimations()), []);
      await page.close();
      await site.stop();
    }
  });

  test('on paper: every game of a strip, black on white, whatever the theme; without a script what stands in it', async () => {
    const site = await otherOrigin(plain('topic="*" layout="strip" theme="dark"'));
    const page = await open(site.url, { viewport: { width: 700, height: 600 } });
    await page.locator('score-ticker article').nth(9).waitFor();
    const looks = () => page.locator('score-ticker').evaluate(({ shadowRoot }) => {
      const list = shadowRoot.querySelector('div');
      return { fits: list.scrollWidth <= list.clientWidth, paper: getComputedStyle(shadowRoot.querySelector('article')).backgroundColor };
    });
    assert.deepEqual(await looks(), { fits: false, paper: 'rgb(22, 26, 32)' });
    await page.emulateMedia({ media: 'print' });
    assert.deepEqual(await looks(), { fits: true, paper: 'rgb(255, 255, 255)' });
    await page.close();
    const still = await open(site.url, { javaScriptEnabled: false });
    assert.equal(await still.getByText('Scores load here.').isVisible(), true);
    await still.close();
    await site.stop();
  });

  test('times are in the language of the element, else of what it stands in; one that is none does no harm', async () => {
    const game = 'soccer/test-cup/lang';
    await publish(server.url, { game, patch: { status: 'scheduled', start: '2031-12-24T15:00:00Z', competitors: sides(0, 0) } });
    const shown = [];
    for (const [attributes, html] of [['', 'lang="fr"'], ['lang="de"', 'lang="fr"'], ['lang="en_US"', 'lang="fr"']]) {
      const site = await otherOrigin(plain(`topic="${game}" ${attributes}`, html));
      const page = await open(site.url);
      shown.push(await page.locator('score-ticker [part=status]').textContent());
      await page.close();
      await site.stop();
    }
    assert.match(shown[0], /24 déc\./);
    assert.match(shown[1], /24\. Dez\./);
    assert.match(shown[2], /24/);
  });

  test('has no accessibility violation in any state: corrected, either theme, stale, loading', async () => {
    const game = 'soccer/test-cup/states';
    await kickOff(game);
    const own = await scoreline(['--allow-origin', '*']);
    const html = (attributes) => plain(attributes).replaceAll(server.url, own.url);
    await publish(own.url, { game, patch: { status: 'live', competitors: sides(2, 0) } });
    const site = await otherOrigin(`${html(`topic="${game}"`)}<style>:root{color-scheme:light dark}body{background:Canvas}</style>`);
    const page = await open(site.url);
    const ticker = page.locator('score-ticker');
    await ticker.locator('article').waitFor();
    await publish(own.url, { game, patch: { competitors: sides(1, 0) } });
    await ticker.locator('[part=correction]').waitFor();
    assert.deepEqual(await axe(page), [], 'corrected');
    for (const theme of ['dark', 'light']) {
      await ticker.evaluate((element, theme) => element.setAttribute('theme', theme), theme);
      assert.deepEqual(await axe(page), [], theme);
    }
    await own.stop('SIGKILL');
    await page.locator('score-ticker[stale]').waitFor();
    assert.deepEqual(await axe(page), [], 'stale');
    // A second later, too: what was still to be painted of the topic before does not take its place.
    await ticker.evaluate((element) => element.setAttribute('topic', 'soccer/elsewhere'));
    await page.waitForTimeout(1000);
    await page.getByText('Scores load here.').waitFor();
    assert.deepEqual(await axe(page), [], 'loading');
    await page.close();
    await site.stop();
  });

  for (const layout of ['strip', 'card', 'row', 'table']) {
    for (const colorScheme of ['light', 'dark']) {
      test(`has no accessibility violation: ${layout}, ${colorScheme}`, async () => {
        const html = layout === 'row' ? 'lang="ar" dir="rtl"' : 'lang="en"';
        const site = await otherOrigin(`${plain(`topic="*" layout="${layout}"`, html)}<style>:root{color-scheme:light dark}body{background:Canvas}</style>`);
        const page = await open(site.url, { colorScheme, reducedMotion: 'reduce' });
        await page.locator('score-ticker article').first().waitFor();
        assert.deepEqual(await axe(page), []);
        await page.close();
        await site.stop();
      });
    }
  }
});
