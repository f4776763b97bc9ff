// What the container's files say, none of which is run here: compose files by the schema of the Compose Specification, the
// image's health check against the running program, and every setting that they name.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import Ajv from 'ajv';
import { load } from 'js-yaml';

import { scoreline } from './service.mjs';

const BINARY = process.env.SCORELINE_BIN ?? fileURLToPath(new URL('../../target/debug/scoreline', import.meta.url));
/** The schema as the linter dclint carries it. */
const SCHEMA = new URL('node_modules/dclint/schemas/compose.schema.json', import.meta.url);
const COMPOSE = ['compose.yml', 'dashboards/compose.yml'];
const run = promisify(execFile);
const text = (name) => readFile(new URL(`../../${name}`, import.meta.url), 'utf8');

test('compose files are what the Compose Specification says', async () => {
  const { $schema, ...schema } = JSON.parse(await readFile(SCHEMA, 'utf8'));
  const ajv = new Ajv({ strict: false, allErrors: true, formats: { ports: true, expose: true, duration: true, subnet_ip_address: true } });
  const valid = ajv.compile(schema);
  for (const name of COMPOSE) {
    const file = load(await text(name));
    assert.ok(valid(file), `${name}: ${ajv.errorsText(valid.errors)}`);
    for (const { depends_on = [] } of Object.values(file.services)) for (const other of depends_on) assert.ok(file.services[other], other);
  }
  assert.ok(!valid({ services: { scoreline: { prots: ['8080:8080'] } } }), 'a typo is found');
});

test('the settings that they name are the program’s', async () => {
  const { stdout: help } = await run(BINARY, ['serve', '--help']);
  for (const name of ['Dockerfile', ...COMPOSE]) {
    for (const [setting] of (await text(name)).matchAll(/\bSCORELINE_[A-Z_]+/g)) assert.match(help, new RegExp(`env: ${setting}\\b`), name);
  }
});

test('the image’s health check sees a ready program, and sees it gone', async () => {
  const server = await scoreline();
  const [, told] = /^HEALTHCHECK .*\\\n\s+CMD (\[.*\])$/m.exec(await text('Dockerfile'));
  const [command, ...args] = JSON.parse(told).map((word) => word.replace('8081', new URL(server.ops).port));
  await run(command, args);
  await server.stop();
  await assert.rejects(run(command, args));
});
