// Starts what the browser tests talk to: the built program, and a plain page on another origin.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { chromium } from 'playwright-core';

const BINARY = process.env.SCORELINE_BIN ?? fileURLToPath(new URL('../../target/debug/scoreline', import.meta.url));
const CHROMIUM = process.env.CHROMIUM_BIN ?? '/usr/bin/chromium';
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

/** The demo on a free port: { url, ops (its second listener), stop() }. `flags` are added to the command line. */
export async function scoreline(flags = [], listen = '127.0.0.1:0') {
  const program = spawn(BINARY, ['serve', '--demo', '--listen', listen, '--ops-listen', '127.0.0.1:0', ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((done) => program.once('exit', done));
  const said = [];
  let main;
  const [url, ops] = await new Promise((done, failed) => {
    program.once('error', failed);
    for (const stream of [program.stdout, program.stderr]) {
      createInterface(stream).on('line', (line) => {
        said.push(line);
        const [, what, url] = /(listening|operations) on (http:\/\/[\d.]+:\d+)/.exec(line) ?? [];
        if (what === 'operations') done([main, url]);
        else if (url) main = url;
      });
    }
    ended.then((code) => failed(new Error(`${BINARY} ended with ${code}:\n${said.join('\n')}`)));
  });
  return {
    url,
    ops,
    async stop(signal = 'SIGTERM') {
      program.kill(signal);
      await ended;
    },
  };
}

/** Posts one report as the demo's provider; its result. */
export async function publish(url, report) {
  const response = await fetch(`${url}/v1/updates`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer demo' },
    body: JSON.stringify(report),
  });
  const result = await response.json();
  if (!response.ok) throw new Error(`HTTP ${response.status}: ${JSON.stringify(result)}`);
  return result;
}

/** Resolves when it holds. */
export async function until(what, holds) {
  for (let look = 0; look < 1200; look++) {
    if (await holds()) return;
    await new Promise((go) => setTimeout(go, 25));
  }
  assert.fail(`in 30 s never: ${what}`);
}

/** Serves one HTML text on an origin of its own, under a strict policy. */
export async function otherOrigin(html, policy) {
  // A test that fails does not stop it: it must not keep the runner from ending.
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    if (policy) response.setHeader('content-security-policy', policy);
    response.end(html);
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done).unref());
  return { url: `http://127.0.0.1:${server.address().port}`, stop: () => new Promise((done) => server.close(done)) };
}

export const browser = () => chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
