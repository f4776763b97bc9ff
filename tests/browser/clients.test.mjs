// One script for clients that we did not write: Chromium's WebSocket and EventSource, Python's websockets, curl.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { after, describe, test } from 'node:test';

import { GAME, stage } from './stage.mjs';

const { server, open, kickOff, score, stop } = await stage();
after(stop);

const socketUrl = `${server.url.replace('http', 'ws')}/v1/ws`;

/** What came from one client so far, and a wait for more: `stop` ends it. */
class Heard {
  #messages = [];
  #more = () => {};

  constructor(stop) { this.stop = stop; }

  push(message) {
    this.#messages.push(message);
    this.#more();
  }

  async next(holds) {
    for (const late = Date.now() + 15_000; ;) {
      const at = this.#messages.findIndex(holds);
      if (at >= 0) return this.#messages.splice(0, at + 1).at(-1);
      assert.ok(Date.now() < late, `not in 15 s; heard ${JSON.stringify(this.#messages)}`);
      await Promise.race([new Promise((go) => { this.#more = go; }), new Promise((go) => setTimeout(go, 200))]);
    }
  }
}

/** A process whose lines hold messages; `read` finds them. */
function program(command, args, read) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((done, failed) => child.once('error', failed).once('exit', done));
  const heard = new Heard(async () => {
    child.kill();
    await ended;
  });
  createInterface(child.stdout).on('line', (line) => {
    const text = read(line);
    if (text) heard.push(JSON.parse(text));
  });
  return heard;
}

/** A page of the service, in which `listen` hands every message's text to `window.heard`. */
async function inPage(listen, argument) {
  const page = await open(`${server.url}/docs`);
  const heard = new Heard(() => page.close());
  await page.exposeFunction('heard', (text) => heard.push(JSON.parse(text)));
  await page.evaluate(listen, argument);
  return heard;
}

const PYTHON = `
import asyncio, sys, websockets
async def main():
    async with websockets.connect(sys.argv[1], subprotocols=["scoreline.v1.json"]) as socket:
        assert socket.subprotocol == "scoreline.v1.json"
        assert any(extension.name == "permessage-deflate" for extension in socket.extensions)
        async for message in socket:
            print(message, flush=True)
asyncio.run(main())
`;

/** Polls as a shell script would: each time from where the last answer ended. */
const POLL = `
since=
while answer=$(curl -sSf "$1$since"); do
  printf '%s\\n' "$answer"
  since="&since=$(printf '%s' "$answer" | grep -o '"position":"[^"]*"' | head -n 1 | cut -d '"' -f 4)"
done
`;

const CLIENTS = {
  'Chromium, WebSocket': () => inPage((url) => {
    window.socket = new WebSocket(url);
    window.socket.onmessage = ({ data }) => window.heard(data);
  }, `${socketUrl}?topics=${GAME}`),
  'Chromium, EventSource': () => inPage((url) => {
    window.events = new EventSource(url);
    window.events.onmessage = ({ data }) => window.heard(data);
  }, `/v1/sse?topics=${GAME}`),
  'Python, websockets': () => program('/usr/bin/python3', ['-c', PYTHON, `${socketUrl}?topics=${GAME}`], (line) => line),
  'curl, event stream': () => program('curl', ['-sSN', `${server.url}/v1/sse?topics=${GAME}`], (line) => line.startsWith('data:') && line.slice(5)),
  'curl, long poll': () => {
    const heard = program('sh', ['-c', POLL, 'sh', `${server.url}/v1/poll?topics=${GAME}&wait=20`], (line) => line);
    const push = heard.push.bind(heard);
    heard.push = ({ messages }) => messages.forEach(push);
    return heard;
  },
};

/** RFC 7396. */
const merge = (into, patch) => {
  if (patch === null || typeof patch !== 'object' || Array.isArray(patch)) return patch;
  const merged = { ...into };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = merge(merged[name], value);
  }
  return merged;
};

for (const [name, connect] of Object.entries(CLIENTS)) {
  test(`${name}: the state, a goal, and the goal taken back`, async () => {
    await kickOff();
    const heard = await connect();
    const state = await heard.next(({ type, game }) => type === 'state' && game === GAME);
    let document = state.state;
    for (const home of [2, 1]) {
      const { version } = await score(GAME, 'home', home);
      const update = await heard.next((message) => message.type === 'update' && message.version === version);
      document = merge(document, update.patch);
      assert.equal(document.competitors.home.score.total, home);
    }
    assert.equal(document.correction.reason, 'score_decreased');
    const { games } = await (await fetch(`${server.url}/v1/games?topics=${GAME}`)).json();
    assert.deepEqual(document, games[GAME].state);
    await heard.stop();
  });
}

describe('what a browser’s WebSocket has beside', () => {
  const page = () => open(`${server.url}/docs`);

  test('the server chooses the subprotocol, and agrees to compress', async () => {
    const chosen = await (await page()).evaluate(async (url) => {
      const socket = new WebSocket(url, ['graphql-ws', 'scoreline.v1.json']);
      await new Promise((done) => { socket.onopen = done; });
      return [socket.protocol, socket.extensions];
    }, socketUrl);
    assert.equal(chosen[0], 'scoreline.v1.json');
    assert.match(chosen[1], /^permessage-deflate/);
  });

  test('binary messages come as ArrayBuffer or Blob', async () => {
    const kinds = await (await page()).evaluate(async (url) => {
      const kind = (binaryType) => new Promise((done) => {
        const socket = new WebSocket(url, 'scoreline.v1.cbor');
        socket.binaryType = binaryType;
        socket.onmessage = ({ data }) => done(data.constructor.name);
      });
      return [await kind('arraybuffer'), await kind('blob')];
    }, socketUrl);
    assert.deepEqual(kinds, ['ArrayBuffer', 'Blob']);
  });

  test('what is sent drains, and is answered', async () => {
    const left = await (await page()).evaluate(async (url) => {
      const socket = new WebSocket(url);
      await new Promise((done) => { socket.onopen = done; });
      let pongs = 0;
      const answered = new Promise((done) => {
        socket.onmessage = ({ data }) => { if (JSON.parse(data).type === 'pong' && ++pongs === 10) done(); };
      });
      for (let id = 1; id <= 10; id++) socket.send(JSON.stringify({ type: 'ping', id }));
      await answered;
      return socket.bufferedAmount;
    }, socketUrl);
    assert.equal(left, 0);
  });

  test('it closes with a code and the longest reason; the server’s own are seen', async () => {
    const [ours, theirs] = await (await page()).evaluate(async (url) => {
      const closed = (begin) => new Promise((done) => {
        const socket = new WebSocket(url);
        socket.onclose = ({ code, reason, wasClean }) => done([code, reason, wasClean]);
        socket.onopen = () => begin(socket);
      });
      const faulty = (socket) => { for (let n = 0; n < 16; n++) socket.send('no command'); };
      return [await closed((socket) => socket.close(4321, 'x'.repeat(123))), await closed(faulty)];
    }, socketUrl);
    assert.deepEqual([ours[0], ours[2]], [4321, true]);
    assert.deepEqual([theirs[0] >= 4000, theirs[1].length > 0, theirs[2]], [true, true, true]);
  });
});
