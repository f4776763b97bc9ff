// The live page in a real browser, against the built program.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import { publish, scoreline } from './server.mjs';
import { GAME, axe, goal, sides, stage } from './stage.mjs';

const { server, complaints, open, kickOff, score, stop } = await stage();
after(stop);
const row = (page, game = GAME) => page.locator(`li[data-topic="${game}"]`);

describe('the live page', () => {
  test('shows the demo, grouped, and follows a report as it is posted', async () => {
    await kickOff();
    const page = await open(server.url);
    await row(page).getByText('Arsenal').waitFor();
    await page.locator('#state[data-state=live]').waitFor();
    assert.match(await row(page).innerText(), /62′\s+Arsenal\s+1\s+Chelsea\s+1/);
    assert.ok(await page.locator('.group').count() >= 6, 'several competitions');
    await score(GAME, 'home', 2, { g2: goal(62) });
    await row(page).locator('.marked .total', { hasText: '2' }).waitFor();
    await page.locator('#moments .moment', { hasText: 'Arsenal 2–1 Chelsea' }).waitFor();
    await page.locator('#spoken', { hasText: 'Arsenal 2–1 Chelsea' }).waitFor({ state: 'attached' });
    assert.deepEqual(complaints, []);
    await page.close();
  });

  test('shows that a goal was taken back, in the row and among the incidents', async () => {
    const game = 'soccer/test-cup/void';
    await kickOff(game);
    const page = await open(server.url);
    await score(game, 'home', 2, { g2: goal(62, 'provisional') });
    await row(page, game).locator('.total', { hasText: '2' }).waitFor();
    await score(game, 'home', 1, { g2: { status: 'void' } });
    await row(page, game).locator('.correction').waitFor();
    assert.match(await row(page, game).locator('.correction').innerText(), /taken back|ruled out/i);
    await row(page, game).locator('button').click();
    await row(page, game).locator('.timeline .void s', { hasText: 'Goal' }).waitFor();
    assert.match(await row(page, game).locator('.timeline .void').innerText(), /ruled out/);
    assert.deepEqual(complaints, []);
    await page.close();
  });

  test('the clock ticks by itself', async () => {
    const game = 'hockey/test-cup/clock';
    await publish(server.url, { game, patch: { status: 'live', period: { number: 2, kind: 'period', of: 3 }, clock: { mode: 'up', running: true, ms: 0 }, competitors: sides(0, 0) } });
    const page = await open(server.url);
    const clock = row(page, game).locator('.phase');
    await clock.waitFor();
    const first = await clock.innerText();
    assert.match(first, /^P2 0:\d\d$/);
    await page.waitForFunction(([selector, text]) => document.querySelector(selector).textContent !== text, [`li[data-topic="${game}"] .phase`, first]);
    await page.close();
  });

  test('publishes a goal, and takes it back', async () => {
    const page = await open(server.url);
    await page.locator('.games li').first().waitFor();
    await page.getByRole('button', { name: 'Publish a goal' }).click();
    await page.locator('#published', { hasText: /^Goal for / }).waitFor();
    await page.locator('.side.marked').first().waitFor();
    await page.getByRole('button', { name: 'Take it back' }).click();
    await page.locator('#published', { hasText: /^Ruled out: / }).waitFor();
    await page.locator('.games .correction').first().waitFor();
    assert.deepEqual(complaints, []);
    await page.close();
  });

  test('by keyboard: a game is opened, and keeps the focus while it changes', async () => {
    const game = 'soccer/test-cup/keys';
    await kickOff(game);
    const page = await open(server.url);
    const button = row(page, game).locator('button');
    await button.focus();
    await page.keyboard.press('Enter');
    await row(page, game).locator('.timeline').waitFor();
    assert.equal(await button.getAttribute('aria-expanded'), 'true');
    await score(game, 'home', 2, { g2: goal(62) });
    await row(page, game).locator('.timeline li').nth(1).waitFor();
    assert.equal(await button.evaluate((element) => element === document.activeElement), true);
    await page.keyboard.press('Enter');
    await row(page, game).locator('.timeline').waitFor({ state: 'detached' });
    await page.close();
  });

  test('filters by what is live and by sport, shows raw messages on demand, and how to embed', async () => {
    await kickOff();
    const page = await open(server.url);
    await row(page).waitFor();
    await page.getByRole('radio', { name: 'Tennis' }).check();
    await row(page).waitFor({ state: 'hidden' });
    await page.getByRole('radio', { name: 'All', exact: true }).check();
    await row(page).waitFor();
    await page.locator('#raw summary').click();
    await score(GAME, 'away', 7);
    await page.locator('#messages', { hasText: '"total":7' }).waitFor();
    assert.match(await page.locator('#snippet').innerText(), new RegExp(`${server.url}/score-ticker\\.js`));
    await page.locator('#example score-ticker article').first().waitFor();
    await page.close();
  });

  test('filters by team, keeps a delay, and says how it is connected', async () => {
    await kickOff();
    const page = await open(server.url);
    await row(page).waitFor();
    await page.locator('#team').fill('chels');
    await page.locator('.games li:not([hidden])').first().waitFor();
    for (const text of await page.locator('.games li:visible').allInnerTexts()) assert.match(text, /Chelsea/);
    await page.locator('#team').fill('');
    await page.locator('#doctor summary').click();
    await page.locator('#vitals', { hasText: 'one connection for all tabs' }).waitFor();
    await page.locator('#vitals', { hasText: /Position\w+\.\d+/ }).waitFor();
    await page.locator('#vitals', { hasText: /Round trip\d+ ms/ }).waitFor();
    await page.locator('#freshness', { hasText: 'demo' }).waitFor();
    await page.locator('#delay').fill('5');
    await page.locator('#behind', { hasText: '5 s behind' }).waitFor();
    const begun = Date.now();
    await score(GAME, 'away', 9);
    await row(page).locator('.total', { hasText: '9' }).waitFor();
    assert.ok(Date.now() - begun >= 4000, 'five seconds behind');
    assert.deepEqual(complaints, []);
    await page.close();
  });

  test('is stale without the server, and catches up when it is back', async () => {
    const own = await scoreline();
    const page = await open(own.url);
    await page.locator('#state[data-state=live]').waitFor();
    await own.stop('SIGKILL');
    await page.locator('#state[data-state=stale]').waitFor();
    const again = await scoreline([], new URL(own.url).host);
    await page.locator('#state[data-state=live]').waitFor();
    await publish(again.url, { game: GAME, patch: { status: 'live', competitors: sides(4, 0) } });
    await row(page).locator('.total', { hasText: '4' }).waitFor();
    await page.close();
    await again.stop();
  });

  for (const [name, options] of Object.entries({
    light: { colorScheme: 'light' },
    dark: { colorScheme: 'dark' },
    phone: { colorScheme: 'light', viewport: { width: 390, height: 844 }, reducedMotion: 'reduce' },
  })) {
    test(`has no accessibility violation and fits its width: ${name}`, async () => {
      await kickOff();
      const page = await open(server.url, { reducedMotion: 'reduce', ...options });
      await row(page).locator('button').click();
      await row(page).locator('.timeline').waitFor();
      await page.locator('#raw summary').click();
      await page.locator('#doctor summary').click();
      assert.deepEqual(await axe(page), []);
      const [scrolls, fits] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(scrolls <= fits, `${scrolls} px wide in ${fits}`);
      await page.close();
    });
  }

  test('has no accessibility violation in any state: filtered to nothing, delayed, corrected, reconnecting', async () => {
    const own = await scoreline();
    const page = await open(own.url, { reducedMotion: 'reduce' });
    await page.locator('.games li').first().waitFor();
    const holds = async (what) => assert.deepEqual(await axe(page), [], what);
    await page.locator('#team').fill('nobody of this name');
    await page.locator('.games li:visible').first().waitFor({ state: 'hidden' });
    await page.locator('#none', { hasText: 'No game here with “nobody of this name”.' }).waitFor();
    await holds('filtered to nothing');
    await page.locator('#team').fill('');
    await page.getByRole('button', { name: 'Publish a goal' }).click();
    await page.locator('#published', { hasText: /^Goal for / }).waitFor();
    await page.getByRole('button', { name: 'Take it back' }).click();
    await page.locator('.games .correction').first().waitFor();
    await holds('a goal taken back');
    await page.locator('#delay').fill('5');
    await page.locator('#behind', { hasText: '5 s behind' }).waitFor();
    await holds('delayed');
    await own.stop('SIGKILL');
    await page.locator('#state[data-state=stale]').waitFor();
    await holds('reconnecting');
    await page.emulateMedia({ colorScheme: 'dark' });
    await holds('reconnecting, dark');
    await page.close();
  });

  test('on paper: every game as it stands, black on white, also from a dark screen, and nothing to press', async () => {
    await kickOff();
    const page = await open(server.url, { colorScheme: 'dark' });
    await row(page).waitFor();
    await page.emulateMedia({ media: 'print' });
    for (const id of ['team', 'delay', 'filters', 'goal', 'copy', 'doctor', 'raw']) assert.equal(await page.locator(`#${id}`).isVisible(), false, id);
    assert.equal(await row(page).isVisible(), true);
    const looks = await row(page).evaluate((item) => {
      const colour = (selector, name) => getComputedStyle(item.querySelector(selector) ?? document.querySelector(selector))[name];
      return [colour('.total', 'color'), colour('.name', 'color'), colour('.group', 'backgroundColor'), colour('html', 'backgroundColor'), getComputedStyle(item).contentVisibility];
    });
    assert.deepEqual(looks, ['rgb(0, 0, 0)', 'rgb(0, 0, 0)', 'rgb(255, 255, 255)', 'rgb(255, 255, 255)', 'visible']);
    await page.close();
  });

  test('without a script it says so, links to the games, and shows nothing that only a script can fill', async () => {
    const page = await open(server.url, { javaScriptEnabled: false });
    const notice = page.locator('noscript .notice');
    await notice.waitFor();
    assert.match(await notice.innerText(), /^This page follows the games with a script\./);
    assert.equal(await notice.locator('a').getAttribute('href'), '/v1/games');
    for (const id of ['state', 'summary', 'team', 'delay', 'embed', 'doctor', 'raw']) assert.equal(await page.locator(`#${id}`).isVisible(), false, id);
    await page.close();
  });

  test('the docs page has no accessibility violation', async () => {
    const page = await open(`${server.url}/docs`);
    assert.deepEqual(await axe(page), []);
    await page.close();
  });
});
