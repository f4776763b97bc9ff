// The connection doctor, the feeds' freshness and the no-spoilers slider: how this page hears of things, in figures.

/** @typedef {any} Any */

const WAYS = /** @type {Any} */ ({ ws: 'WebSocket', sse: 'Server-Sent Events', poll: 'long polling', share: 'one connection for all tabs' });
/** Between two measured round trips, ms. */
const PROBE = 10_000;

const $ = (/** @type {string} */ id) => /** @type {Any} */ (document.getElementById(id));

/** Milliseconds since an instant, by the server's clock. */
const age = (/** @type {Any} */ live, /** @type {number} */ at) => live.clockNow({ status: 'live', clock: { mode: 'up', ms: 0, at } });
const seconds = (/** @type {number} */ ms) => (ms < 60_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`);

export function examine(/** @type {Any} */ live) {
  /** Feeds by name: { status, heard: the last change, local time } @type {Map<string, Any>} */
  const feeds = new Map();
  const seen = /** @type {Any} */ ({ messages: 0, resumes: 0, resets: 0, losses: 0, position: '', latency: undefined, trip: undefined });
  /** The newest update, unread: { text, now: the server's time then } @type {Any} */
  let newest;
  let probed = 0;

  live.addEventListener('message', (/** @type {Any} */ { detail: text }) => {
    seen.messages++;
    // Of updates only the newest is read, and only when it is shown.
    if (text.startsWith('{"type":"update"')) {
      newest = { text, now: age(live, 0) };
      return;
    }
    const message = JSON.parse(text);
    if (message.type === 'subscribed' && message.resumed) seen.resumes++;
    if (message.type === 'reset') seen.resets++;
    if (newest) read();
    if (message.position) seen.position = message.position;
  });
  live.addEventListener('state', () => { if (live.state === 'stale') seen.losses++; });
  live.addEventListener('feed', (/** @type {Any} */ { detail: { feed, status } }) => feeds.set(feed, { ...feeds.get(feed), status }));
  live.addEventListener('update', (/** @type {Any} */ { detail: { game, before } }) => {
    if (!game.feed) return;
    const { status = 'live', heard } = feeds.get(game.feed) ?? {};
    feeds.set(game.feed, { status, heard: before ? Date.now() : heard });
  });

  const read = () => {
    const { position = seen.position, at } = JSON.parse(newest.text);
    // Two clocks agree to some milliseconds only.
    Object.assign(seen, { position, latency: Math.max(0, newest.now - at) });
    newest = undefined;
  };
  const probe = async () => {
    probed = Date.now();
    const begun = performance.now();
    await fetch('/icon.svg', { method: 'HEAD', cache: 'no-store' }).then(() => { seen.trip = performance.now() - begun; }, () => { seen.trip = undefined; });
  };
  const paint = () => {
    if (document.hidden || !$('doctor').open) return;
    if (Date.now() - probed > PROBE) probe();
    if (newest) read();
    const ms = (/** @type {number | undefined} */ value) => (value === undefined ? '–' : `${Math.round(value)} ms`);
    const facts = /** @type {Any} */ ({
      State: live.state, Way: WAYS[live.transport] ?? '–', Position: seen.position || '–', 'Round trip': ms(seen.trip), 'Newest change took': ms(seen.latency),
      Messages: seen.messages, Losses: seen.losses, Resumes: seen.resumes, Resets: seen.resets, Gaps: live.gaps,
    });
    $('vitals').replaceChildren(...Object.entries(facts).flatMap(([name, value]) => pair(name, `${value}`)));
    $('freshness').replaceChildren(...[...feeds].flatMap(([name, { status, heard }]) => pair(name, heard ? `${status}, last change ${seconds(Date.now() - heard)} ago` : status)));
  };
  setInterval(paint, 1000);
  $('doctor').addEventListener('toggle', paint);
}

const pair = (/** @type {string} */ name, /** @type {string} */ value) => [['dt', name], ['dd', value]].map(([tag, text]) => {
  const made = document.createElement(tag);
  made.textContent = text;
  return made;
});

/** The slider that keeps the page behind a delayed broadcast. */
export function offerDelay(/** @type {Any} */ live) {
  const say = () => { $('behind').textContent = +$('delay').value ? `${$('delay').value} s behind` : 'live'; };
  $('delay').addEventListener('input', say);
  $('delay').addEventListener('change', () => { live.delay = +$('delay').value; });
}
