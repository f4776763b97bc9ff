// The types in JSDoc hold, and the client has what scoreline.d.ts says it has.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Scoreline } from '../../src/web/scoreline.js';

const WEB = fileURLToPath(new URL('../../src/web/', import.meta.url));
const TSC = fileURLToPath(new URL('node_modules/typescript/bin/tsc', import.meta.url));
const STRICT = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'es2022', '--moduleResolution', 'bundler', '--lib', 'es2023,dom,dom.iterable'];

const tsc = (...rest) => {
  try {
    return execFileSync(process.execPath, [TSC, ...STRICT, ...rest], { cwd: WEB, encoding: 'utf8' });
  } catch ({ stdout }) {
    return stdout;
  }
};

test('tsc --checkJs --strict has nothing to say', async () => {
  const modules = (await readdir(WEB)).filter((name) => name.endsWith('.js'));
  assert.ok(modules.length > 8);
  assert.equal(tsc('--allowJs', '--checkJs', ...modules), '');
});

test('scoreline.d.ts and scoreline.js name the same members', async () => {
  assert.equal(tsc('scoreline.d.ts'), '');
  const declared = await readFile(`${WEB}scoreline.d.ts`, 'utf8');
  const [body] = /export class Scoreline[^]*?\n}/.exec(declared);
  const names = [...body.matchAll(/^ {2}(?:readonly )?(\w+)[(:]/gm)].map(([, name]) => name).filter((name) => name !== 'constructor');
  globalThis.WebSocket = class { close() {} };
  const live = new Scoreline('http://scores.example', { transport: 'ws' });
  const has = new Set([...Object.getOwnPropertyNames(Scoreline.prototype), ...Object.keys(live)]);
  has.delete('constructor');
  live.close();
  assert.deepEqual([...names].sort(), [...has].sort());
});
