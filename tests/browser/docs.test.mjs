// The docs page shows every route of the contract, and tries those that only read.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { axe, stage } from './stage.mjs';

describe('docs', () => {
  let on;
  before(async () => { on = await stage(); });
  after(() => on?.stop());

  test('every route is there, with a curl line, and a try that answers', async () => {
    const page = await on.open(`${on.server.url}/docs`);
    const { paths } = await (await fetch(`${on.server.url}/openapi.json`)).json();
    const wanted = Object.entries(paths).flatMap(([path, item]) =>
      ['get', 'post', 'delete'].filter((method) => item[method]).map((method) => `${method.toUpperCase()} ${path}`));
    await page.waitForSelector(`#routes details:nth-of-type(${wanted.length})`);
    assert.deepEqual(await page.locator('#routes summary code').allTextContents(), wanted);

    const games = page.locator('#routes details', { has: page.getByText('GET /v1/games', { exact: true }) });
    await games.locator('summary').click();
    assert.match(await games.locator('pre').first().textContent(), /^curl 'http:\/\/127\.0\.0\.1:\d+\/v1\/games'$/);
    await games.getByRole('button', { name: 'Try' }).click();
    await games.getByText('200', { exact: false }).last().waitFor();
    await games.getByText('"position"').waitFor();
    assert.deepEqual(await axe(page), []);
    assert.deepEqual(on.complaints, []);
    await page.close();
  });
});
