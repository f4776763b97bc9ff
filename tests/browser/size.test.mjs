// What a page pays for: the files are served as they are written, so comments count too.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

const size = async (name) => gzipSync(await readFile(new URL(`../../src/web/${name}`, import.meta.url)), { level: 9 }).length;

test('the client is at most 4,096 B gzip', async () => {
  const bytes = await size('scoreline.js');
  assert.ok(bytes <= 4096, `${bytes} B`);
});

/** A module and what it imports before it runs; what `import()` loads when needed is not of it. */
const graph = async (name, seen = new Set()) => {
  if (seen.has(name)) return seen;
  seen.add(name);
  const text = await readFile(new URL(`../../src/web/${name}`, import.meta.url), 'utf8');
  for (const [, other] of text.matchAll(/^import .*'\.\/(.*)';$/gm)) await graph(other, seen);
  return seen;
};

test('the element with the client is at most 8,192 B gzip', async () => {
  const names = [...await graph('score-ticker.js')];
  assert.ok(names.includes('scoreline.js'));
  const bytes = (await Promise.all(names.map(size))).reduce((sum, each) => sum + each, 0);
  assert.ok(bytes <= 8192, `${bytes} B: ${names}`);
});
