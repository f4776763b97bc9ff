// Signed pushes as a sender makes them: npm's standardwebhooks signs, the running program decides. And a token of npm's jose.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { SignJWT, exportJWK, generateKeyPair } from 'jose';
import { Webhook } from 'standardwebhooks';

const BINARY = process.env.SCORELINE_BIN ?? fileURLToPath(new URL('../../target/debug/scoreline', import.meta.url));
const OLD = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const NEW = 'whsec_' + Buffer.from('the second secret of a rotation').toString('base64');
const GAME = 'soccer/eng.1/ars-che';

const folder = mkdtempSync(join(tmpdir(), 'scoreline-webhooks-'));
let program;
let url;
let ops;
let issuer;

before(async () => {
  issuer = await generateKeyPair('ES256', { extractable: true });
  const jwk = { ...(await exportJWK(issuer.publicKey)), kid: 'one', alg: 'ES256', use: 'sig' };
  writeFileSync(join(folder, 'keys.json'), JSON.stringify({ keys: [jwk] }));
  const config = join(folder, 'scoreline.toml');
  writeFileSync(config, `
listen = "127.0.0.1:0"
ops_listen = "127.0.0.1:0"
broker = "memory:"
shards = 1
[providers.acme]
signing_secret_env = "ACME_WHSEC"
topics = ["soccer"]
[tokens]
algorithm = "ES256"
jwks = "${join(folder, 'keys.json')}"
`);
  program = spawn(BINARY, ['serve', '--config', config], { env: { ...process.env, ACME_WHSEC: `${OLD} ${NEW}`, NO_COLOR: '1' }, stdio: ['ignore', 'ignore', 'pipe'] });
  for await (const line of createInterface({ input: program.stderr })) {
    assert.ok(!line.includes(OLD) && !line.includes(NEW), 'a log tells no secret');
    url = line.match(/listening on (http:\/\/[\d.:]+)/)?.[1] ?? url;
    ops = line.match(/operations on (http:\/\/[\d.:]+)/)?.[1] ?? ops;
    if (url && ops) break;
  }
  program.stderr.resume();
});

after(async () => {
  const ended = once(program, 'exit');
  program.kill('SIGKILL');
  await ended;
  rmSync(folder, { recursive: true, force: true });
});

const report = (home, game = GAME) => JSON.stringify({ game, patch: { competitors: { home: { score: { total: home } } } } });

/** Sends a body as a webhook's sender does; `more` replaces headers. */
async function push(secret, body, { id = crypto.randomUUID(), at = new Date(), to = '/v1/updates', more = {}, sent = body } = {}) {
  const headers = {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': `${Math.floor(at / 1000)}`,
    'webhook-signature': new Webhook(secret).sign(id, at, body),
    ...more,
  };
  const answer = await fetch(url + to, { method: 'POST', headers, body: sent });
  return { status: answer.status, ...(await answer.json()) };
}

test('a signed push is taken, also with the other secret of a rotation', async () => {
  assert.equal((await push(OLD, report(1))).applied, true);
  assert.equal((await push(NEW, report(2))).applied, true);
  const both = `v1,AAAA ${new Webhook(OLD).sign('id-3', new Date(), report(3))}`;
  assert.equal((await push(NEW, report(3), { id: 'id-3', more: { 'webhook-signature': both } })).applied, true);
});

test('a push that is sent again is answered as the first time', async () => {
  const [first, again] = [await push(OLD, report(4), { id: 'msg-4' }), await push(OLD, report(4), { id: 'msg-4' })];
  assert.deepEqual(again, { ...first, replayed: true });
  assert.equal((await push(OLD, report(9), { id: 'msg-4' })).code, 'id_reused');
});

test('batches, native payloads and lines are signed as they are', async () => {
  const batch = await push(OLD, `[${report(5)},${report(1, 'soccer/eng.1/liv-mun')}]`);
  assert.deepEqual([batch.status, batch.results.length], [200, 2]);
  assert.equal((await push(OLD, '{"events":[],"leagues":[]}', { to: '/v1/feeds/espn' })).status, 200);
  const lines = await push(OLD, `${report(6)}\n`, { more: { 'content-type': 'application/x-ndjson' } });
  assert.equal(lines.applied, true);
});

test('what is not signed so is refused', async () => {
  const minutes = (n) => new Date(Date.now() + n * 60_000);
  for (const [what, asked] of Object.entries({
    'another secret': push('whsec_' + Buffer.alloc(32).toString('base64'), report(7)),
    'another body': push(OLD, report(7), { sent: report(8) }),
    'another id': push(OLD, report(7), { more: { 'webhook-id': 'x' } }),
    'too old': push(OLD, report(7), { at: minutes(-6) }),
    'too new': push(OLD, report(7), { at: minutes(6) }),
    'no time': push(OLD, report(7), { more: { 'webhook-timestamp': '' } }),
    'no signature': push(OLD, report(7), { more: { 'webhook-signature': '' } }),
  })) {
    const { status, code } = await asked;
    assert.deepEqual([what, status, code], [what, 401, 'unauthorized']);
  }
  assert.equal((await push(OLD, report(7, 'tennis/wimbledon/final'))).code, 'forbidden');
  const metrics = await (await fetch(`${ops}/metrics`)).text();
  assert.match(metrics, /^scoreline_auth_failures_total\{door="signature"\} 7$/m);
});

test("a token of npm's jose opens", async () => {
  const signed = new SignJWT({ topics: ['soccer'] }).setProtectedHeader({ alg: 'ES256', kid: 'one' }).setExpirationTime('1m');
  const authorization = `Bearer ${await signed.sign(issuer.privateKey)}`;
  const answer = await fetch(`${url}/v1/games/${GAME}`, { headers: { authorization } });
  assert.equal((await answer.json()).game, GAME);
  assert.equal((await fetch(`${url}/v1/games/${GAME}`)).status, 401);
});
