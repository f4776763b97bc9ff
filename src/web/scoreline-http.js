// What Server-Sent Events and long polling share: shaped like a WebSocket, commands become one address.

/** How long no WebSocket is tried after one was blocked, ms. */
const REMEMBERED = 600_000;
/** How long a round is at least, ms. */
const PASSED = 1000;
const SEGMENT = '[a-z0-9][a-z0-9._-]{0,62}';
const TOPIC = new RegExp(`^(\\*|team/${SEGMENT}/${SEGMENT}|(?!team(/|$))${SEGMENT}(/${SEGMENT}){0,2})$`);
/** What a refusal means as a close code. @type {Record<number, number>} */
const REFUSED = { 204: 4003, 400: 4000, 401: 4001, 403: 4003 };
/** Between two proofs of life where the transport has none of its own, s. */
export const HEARTBEAT = 15;

/** @returns {boolean} whether this network was found to let no WebSocket through */
export const isBlocked = () => {
  try {
    return localStorage.scoreline > Date.now();
  } catch {
    return false;
  }
};

/** Whether a way in needs no WebSocket. */
export const isHttp = (/** @type {any} */ way) => way === 'sse' || way === 'poll';

/** @typedef {any} Any */

/** A subclass has `open(query, signal)`, which brings messages to `hear` until the signal. */
export class HttpLink {
  /** Options cannot be changed on it. */
  fixed = true;
  /** @type {Any} */ onopen;
  /** @type {Any} */ onmessage;
  /** @type {Any} */ onclose;
  /** topic → { detail, since } @type {Map<string, Any>} */
  #topics = new Map();
  /** Commands that wait for their end mark: id → topics @type {Map<number, string[]>} */
  #loads = new Map();
  /** topic → why it was refused @type {Map<string, Any>} */
  #refused = new Map();
  /** Whether also what was loaded before starts over. */
  #whole = false;
  #loaded = false;
  #due = false;
  /** @type {string | undefined} */ #position;
  /** @type {AbortController | undefined} */ #ending;

  constructor(/** @type {string} */ url, /** @type {string[]} */ protocols, /** @type {Any} */ options) {
    this.url = url.replace(/^ws/, 'http');
    this.query = new URL(this.url).searchParams;
    this.chosen = [options.transport].flat().every(isHttp);
    const token = protocols.find((protocol) => protocol.startsWith('bearer.'));
    if (token) this.query.set('token', token.slice(7));
    // Remembered as blocked, but no more: these ways are passed over, so that the WebSocket is tried again, in this round alone.
    options.passed = isBlocked() ? undefined : options.passed ?? Date.now();
    const passes = options.blocked && Date.now() - options.passed < PASSED;
    queueMicrotask(() => (passes ? this.end() : this.onopen?.()));
  }

  get isLoaded() { return this.#loaded; }

  send(/** @type {string} */ text) {
    const { type, id, topics = [], detail, since } = JSON.parse(text);
    if (type === 'subscribe') {
      const wrong = topics.map((/** @type {string} */ topic) => this.#wrongOf(topic)).find(Boolean);
      if (wrong) return this.#soon({ type: 'error', id, ...wrong });
    }
    if (type === 'subscribe') {
      for (const topic of topics) this.#topics.set(topic, { detail, since });
      this.#loads.set(id, topics);
    } else if (type === 'unsubscribe') {
      for (const topic of topics) this.#topics.delete(topic);
      this.#soon({ type: 'unsubscribed', id, topics });
    }
    this.#change();
  }

  /** Commands that come together are one address. */
  #change() {
    if (!this.#due) queueMicrotask(() => this.#reopen());
    this.#due = true;
  }

  #wrongOf(/** @type {string} */ topic) {
    return TOPIC.test(topic) ? this.#refused.get(topic) : { code: 'topic_invalid', message: `"${topic}" is no topic` };
  }

  close() {
    this.onopen = this.onmessage = this.onclose = undefined;
    this.#ending?.abort();
  }

  /** The connection is lost, or was refused with an HTTP status. */
  end(status = 0) {
    const { onclose } = this;
    this.close();
    // EventSource is stopped by 204, whatever was wrong; with a token it may have been that.
    const code = status === 204 && this.query.has('token') ? 4001 : REFUSED[status] ?? 1006;
    onclose?.({ code, reason: status ? `HTTP ${status}` : '' });
  }

  /** A message of the server; `data`: as it came. */
  hear(/** @type {Any} */ message, /** @type {string | undefined} */ data = undefined) {
    const { type, position } = message;
    if (data) this.#say({}, data);
    if (type === 'hello') this.#remember();
    const ofLoad = !this.#loaded && (type === 'reset' || type === 'subscribed' || type === 'position');
    if (ofLoad) return this.#loading(message);
    if (type === 'subscribed') return;
    if (position && this.#loaded) this.#position = position;
    this.#say(message);
  }

  /** Part of a load, told to each command that waits for it. */
  #loading(/** @type {Any} */ message) {
    const { type, resumed } = message;
    if (!this.#whole && (type === 'reset' || (type === 'subscribed' && !resumed)) && this.#before().length) {
      this.#whole = true;
      this.#say({ type: 'reset', reason: message.reason });
    }
    for (const [id, topics] of this.#loads) this.#say({ ...message, id, ...(type === 'subscribed' && { topics }) });
    if (type !== 'position') return;
    this.#loaded = true;
    this.#position = message.position;
    if (this.#whole) this.#say({ type, position: message.position });
    for (const [topic, { detail }] of this.#topics) this.#topics.set(topic, { detail, loaded: true });
    this.#loads.clear();
  }

  #before() { return [...this.#topics.values()].filter(({ loaded }) => loaded); }

  /** One position is asked from; topics that stand at several are loaded afresh. */
  #reopen() {
    this.#due = false;
    this.#ending?.abort();
    if (!this.onmessage) return;
    this.#ending = new AbortController();
    this.#loaded = this.#whole = false;
    const query = new URLSearchParams(this.query);
    if (this.#topics.size) query.set('topics', [...this.#topics.keys()].join());
    const asked = [...this.#topics.values()];
    query.set('detail', asked.some(({ detail }) => detail === 'full') ? 'full' : 'score');
    const [since, ...others] = new Set(asked.map((topic) => (topic.loaded ? this.#position : topic.since)));
    if (since && !others.length) query.set('since', since);
    const { signal } = this.#ending;
    const opened = this.#topics.size ? this.open(query, signal).then((status) => (REFUSED[status] ? this.#sift(status, signal) : status)) : this.#idle(signal);
    opened.catch(() => 0).then((status) => {
      // Left for another is not lost.
      if (query === this.#current && status !== null) this.end(status);
    });
    this.#current = query;
  }

  /** @type {URLSearchParams | undefined} */ #current;

  /** One topic that is forbidden has all refused: each new one is asked for by itself, and what is refused is told. @returns {Promise<number | null>} */
  async #sift(/** @type {number} */ status, /** @type {AbortSignal} */ signal) {
    const statuses = await Promise.all([...this.#topics].map(async ([topic, { loaded }]) => {
      if (loaded) return 200;
      try {
        const response = await fetch(this.at('games', this.#asking({ topics: topic, limit: '1' })), { signal, cache: 'no-store' });
        const { code, detail } = await response.json();
        if (code === 'forbidden') this.#refused.set(topic, { code, message: detail });
        return response.status;
      } catch {
        return 0; // nothing is known of it
      }
    }));
    if (statuses.includes(401)) return 401;
    const waiting = [...this.#loads].filter(([, topics]) => topics.some((topic) => this.#refused.has(topic)));
    if (!waiting.length) return status;
    for (const [id] of waiting) this.#loads.delete(id);
    // Some may have been asked for anew meanwhile.
    const kept = new Set([...this.#loads.values()].flat());
    for (const [id, topics] of waiting) {
      for (const topic of topics) if (!kept.has(topic)) this.#topics.delete(topic);
      this.#say({ type: 'error', id, ...topics.map((topic) => this.#wrongOf(topic)).find(Boolean) });
    }
    this.#change();
    return null;
  }

  /** What is asked of `/v1/games`. */
  #asking(/** @type {Record<string, string>} */ query) {
    const token = this.query.get('token');
    return new URLSearchParams({ ...query, ...(token && { token }) });
  }

  /** @returns {Promise<number>} @abstract */
  async open(/** @type {URLSearchParams} */ _query, /** @type {AbortSignal} */ _signal) { return 0; }

  /** Without topics there is nothing to ask for, but whether the server is there. @returns {Promise<number>} */
  async #idle(/** @type {AbortSignal} */ signal) {
    for (;;) {
      const { status } = await fetch(this.at('games', this.#asking({ limit: '1' })), { signal, cache: 'no-store' });
      if (status !== 200) return status;
      this.hear({ type: 'hello', heartbeat: HEARTBEAT });
      await new Promise((done) => setTimeout(done, HEARTBEAT * 1000));
    }
  }

  /** The address of a route beside the WebSocket's. */
  at(/** @type {string} */ route, /** @type {URLSearchParams} */ query) {
    return `${this.url.replace(/ws(\?.*)?$/, route)}?${query}`;
  }

  #say(/** @type {Any} */ message, /** @type {string | undefined} */ data = undefined) { this.onmessage?.({ message, data }); }

  #soon(/** @type {Any} */ message) { queueMicrotask(() => this.#say(message)); }

  #remember() {
    if (this.chosen || isBlocked()) return;
    try {
      localStorage.scoreline = Date.now() + REMEMBERED;
    } catch {
      // Not allowed to remember: found out again next time.
    }
  }
}
