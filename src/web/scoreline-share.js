// One connection for all tabs of an origin. A Web Lock elects the tab that holds it, the hub; a BroadcastChannel carries
// its documents. Each tab's client sees a server that it subscribes to: what comes through is the protocol of section 4.

import { isBlocked, isHttp } from './scoreline-http.js';
import { Scoreline, covers } from './scoreline.js';

/** @typedef {any} Any */

/** How long a hub that takes over waits for its connection before it says so, ms. */
const CALM = 1000;
const HEARTBEAT = 15;
/** Before the next messages are read, for each of the last, and at most, ms. */
const [PAUSE, PAUSE_MAX] = [50, 200];
/** A clock that began with the epoch shows the time. */
const EPOCH = { mode: 'up', ms: 0, at: 0 };

/** What this tab does for a shared connection, by name. @type {Map<string, Seat>} */
const seats = new Map();

/** Whose token it is and what it grants, by the claims that count: tokens got at different times may say the same. */
const grantOf = (token = '') => {
  try {
    const { sub, topics, min_delay, max_rate } = JSON.parse(atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')));
    return JSON.stringify([sub, topics, min_delay, max_rate]);
  } catch {
    return token;
  }
};

/** A client's end: shaped like a WebSocket. */
export class Link {
  /** Options cannot be changed on it. */
  fixed = true;
  /** @type {Any} */ onopen;
  /** @type {Any} */ onmessage;
  /** @type {Any} */ onclose;
  #id = crypto.randomUUID();
  #hub = '';
  #full = new Set();
  /** Ends the sign of life. */
  #letGo = () => {};

  constructor(/** @type {string} */ url, /** @type {string[]} */ protocols, /** @type {Any} */ options) {
    const token = protocols.find((protocol) => protocol.startsWith('bearer.'))?.slice(7);
    this.name = `scoreline 1 ${url} ${options.transport} ${grantOf(token)}`;
    this.channel = new BroadcastChannel(this.name);
    /** @type {Seat | undefined} */
    this.seat = seats.get(this.name) ?? new Seat(this.name, token, url, options);
    this.seat.links.set(this.#id, this);
    // The hub of this very tab hands over what it has without the channel.
    this.channel.onmessage = ({ data }) => { if (!this.seat?.leads) for (const piece of data.pieces ?? []) this.hear(piece); };
    // The hub waits for this lock: it is let go with the tab, however that ends.
    const alive = navigator.locks.request(`${this.name} ${this.#id}`, () => new Promise((/** @type {Any} */ done) => {
      this.#letGo = done;
      this.#post({ type: 'join' });
    }));
    alive.catch(() => this.onclose?.({ code: 1006, reason: 'no locks here' }));
  }

  send(/** @type {string} */ text) {
    const command = JSON.parse(text);
    for (const topic of command.topics ?? []) this.#full[command.detail === 'full' ? 'add' : 'delete'](topic);
    this.#post(command);
  }

  close() {
    if (!this.seat) return;
    this.#post({ type: 'leave' });
    this.channel.close();
    this.#letGo();
    this.seat.leave(this.#id);
    this.seat = undefined;
  }

  #post(/** @type {Any} */ message) { this.channel.postMessage({ from: this.#id, ...message }); }

  #say(/** @type {Any} */ message, /** @type {Any} */ data = undefined) { this.onmessage?.({ message, data }); }

  hear(/** @type {Any} */ { hub, to, messages, raw, closed }) {
    if (!this.seat) return;
    if (hub && !this.#hub) this.#post({ type: 'join' });
    else if (hub && hub !== this.#hub) this.#say({ type: 'goodbye', reason: 'hub', reconnect_ms: 0 });
    if (to ? to !== this.#id : !this.#hub) return;
    if (closed) this.onclose?.(closed);
    if (raw) this.#say({}, raw);
    for (const message of messages ?? []) {
      if (message.type === 'hello') {
        this.#hub = message.gateway;
        this.seat.served = true;
        this.onopen?.();
      }
      this.#say(message.state && !this.#full.size ? { ...message, state: scoreOf(message.state) } : message);
    }
  }
}

const scoreOf = (/** @type {Any} */ { incidents, situation, info, ...score }) => score;

class Seat {
  /** The clients of this tab, by their names as tabs. @type {Map<string, Link>} */
  links = new Map();
  /** Whether the hub is here. */
  leads = false;
  /** Whether a client of this tab has met a hub. */
  served = false;
  #ending = new AbortController();
  #release = () => {};

  constructor(/** @type {string} */ name, /** @type {string | undefined} */ token, /** @type {string} */ url, /** @type {Any} */ options) {
    this.name = name;
    this.token = token;
    seats.set(name, this);
    const lead = () => new Promise((/** @type {Any} */ done) => {
      const hub = new Hub(this, url, options);
      this.leads = true;
      this.#release = () => {
        hub.close();
        done();
      };
    });
    navigator.locks.request(name, this.#ending, lead).catch(() => {});
  }

  leave(/** @type {string} */ link) {
    this.links.delete(link);
    if (this.links.size) return;
    // A client that comes back at once keeps its seat.
    setTimeout(() => {
      if (this.links.size || seats.get(this.name) !== this) return;
      seats.delete(this.name);
      this.#ending.abort();
      this.#release();
    });
  }
}

/**
 * A WebSocket that hands a message over at once when all is calm, and updates that come thick and fast together: code that
 * runs many times in a row costs a fraction of what it costs each time the processor has forgotten it. Nothing else waits:
 * a page that opens shows its first states as they come.
 */
const calm = (/** @type {Any} */ Socket) => class extends Socket {
  /** @type {MessageEvent[]} */ #waiting = [];
  #until = 0;
  /** @type {Any} */ #timer;
  /** @type {Any} */ #listener;

  // What waits when the connection ends is told on the next one: no position spoke for it.
  set onmessage(/** @type {Any} */ listener) {
    this.#listener = listener;
    super.onmessage = (/** @type {MessageEvent} */ event) => {
      this.#waiting.push(event);
      // Out of view a timer may take a second, and the hub of tabs that are in view may be out of it.
      if (document.hidden || performance.now() >= this.#until || !/^{"type":"update"/.test(event.data)) this.#flush();
      else this.#timer ??= setTimeout(() => this.#flush(), this.#until - performance.now());
    };
  }

  #flush() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const events = this.#waiting.splice(0);
    this.#until = performance.now() + Math.min(PAUSE_MAX, PAUSE * events.length);
    for (const event of events) this.#listener?.(event);
  }
};

/** Holds the connection and serves every tab, its own too. */
class Hub {
  id = crypto.randomUUID();
  /** tab → topic → its subscription @type {Map<string, Map<string, Any>>} */
  #tabs = new Map();
  /** Subscribes that wait until their topics are loaded: { to, id, topics, detail } @type {Set<Any>} */
  #waits = new Set();
  /** topic → the detail in which it is loaded @type {Map<string, string>} */
  #loaded = new Map();
  /** topic → why it was refused @type {Map<string, Any>} */
  #refused = new Map();
  /** Feeds that are not live: name → message */
  #feeds = new Map();
  #ending = new AbortController();

  /** What waits to be posted: one piece for all that one message of the server brings. @type {Any[]} */
  #outbox = [];

  constructor(/** @type {Seat} */ seat, /** @type {string} */ url, /** @type {Any} */ options) {
    const { name, served: follows } = seat;
    this.name = name;
    this.seat = seat;
    this.channel = new BroadcastChannel(name);
    this.channel.onmessage = ({ data }) => this.#hear(data);
    const { transport, token } = options;
    const blocked = Array.isArray(transport) && isBlocked();
    // Remembered as blocked: what needs no WebSocket goes first.
    const ways = (blocked ? [...transport].sort((a, b) => +isHttp(b) - +isHttp(a)) : [transport].flat()).map((way) => (way === 'ws' ? calm(WebSocket) : way));
    // The page may be somebody else's by the time the token is renewed: then each client asks for a token of its own, and
    // finds by it the hub that it belongs to.
    let given = seat.token;
    const renew = async () => {
      // The first is the one that the seat is named after: another may say another `sub` where nobody is told apart.
      const renewed = given ?? await token();
      given = undefined;
      if (grantOf(renewed) === grantOf(seat.token)) return renewed;
      this.#post({ closed: { code: 4001, reason: 'this connection is somebody else\'s' } });
      throw new Error('the token is of somebody else');
    };
    this.live = new Scoreline(url.replace(/v1\/ws.*/, ''), { ...options, transport: ways, blocked, share: false, token: token?.call ? renew : token });
    this.#follow();
    const announce = () => this.#post({ hub: this.id });
    if (!follows) announce();
    else this.live.addEventListener('state', announce, { once: true });
    if (follows) setTimeout(() => this.#ending.signal.aborted || announce(), CALM);
  }

  close() {
    this.#ending.abort();
    this.live.close();
    this.#flush();
    this.channel.close();
  }

  #all(/** @type {Any} */ ...messages) { this.#post({ messages }); }

  #tell(/** @type {string} */ to, /** @type {Any} */ ...messages) { this.#post({ to, messages }); }

  #post(/** @type {Any} */ piece) {
    if (this.#outbox.push(piece) === 1) queueMicrotask(() => this.#flush());
  }

  /** To the clients of this tab by a call; through the channel only if it is of interest to other tabs. */
  #flush() {
    const { links } = this.seat;
    const pieces = this.#outbox.splice(0);
    const others = [...this.#tabs.keys()].some((tab) => !links.has(tab));
    const abroad = pieces.filter(({ hub, to }) => hub || (to ? !links.has(to) : others));
    if (abroad.length) this.channel.postMessage({ pieces: abroad });
    for (const piece of pieces) for (const link of [...links.values()]) link.hear(piece);
  }

  /** The server's time. */
  get #now() { return this.live.clockNow({ status: 'live', clock: EPOCH }) + this.live.delay * 1000; }

  #follow() {
    const on = (/** @type {string} */ type, /** @type {(detail: Any) => void} */ listen) =>
      this.live.addEventListener(type, (/** @type {Any} */ { detail }) => listen(detail), this.#ending);
    on('update', ({ topic, version, game }) => this.#all({ type: 'state', game: topic, version, state: game }));
    on('removed', ({ topic }) => this.#all({ type: 'removed', game: topic }));
    on('message', (raw) => this.#post({ raw }));
    on('feed', (message) => {
      if (message.status === 'live') this.#feeds.delete(message.feed);
      else this.#feeds.set(message.feed, message);
      this.#all({ ...message, position: undefined });
    });
    on('state', ({ state, code, reason }) => {
      if (state === 'closed') return this.#post({ closed: { code, reason } });
      this.#all({ type: 'status', live: state === 'live' });
    });
    on('loaded', ({ topics, detail }) => {
      for (const topic of topics) {
        this.#loaded.set(topic, detail);
        this.#refused.delete(topic);
      }
      this.#settle();
    });
    on('error', (error) => {
      for (const topic of error.topics ?? []) this.#refused.set(topic, error);
      this.#settle();
    });
  }

  #hear(/** @type {Any} */ { from, type, id, topics, detail }) {
    if (!from) return;
    if (type === 'join') return this.#join(from);
    if (type === 'leave') return this.#leave(from);
    const held = this.#tabs.get(from);
    if (!held) return;
    if (type === 'ping') this.#tell(from, { type: 'pong', id, time_ms: this.#now });
    if (type === 'subscribe') {
      for (const topic of topics) this.#subscribe(held, topic, detail);
      this.#waits.add({ to: from, id, topics, detail });
      this.#settle();
    }
    if (type === 'unsubscribe') {
      for (const topic of topics) this.#drop(held, topic);
      this.#tell(from, { type: 'unsubscribed', id, topics });
    }
  }

  #join(/** @type {string} */ tab) {
    if (this.#tabs.has(tab)) return;
    this.#tabs.set(tab, new Map());
    navigator.locks.request(`${this.name} ${tab}`, this.#ending, () => this.#leave(tab)).catch(() => {});
    const live = this.live.state === 'live';
    this.#tell(tab, { type: 'hello', gateway: this.id, heartbeat: HEARTBEAT, time_ms: this.#now, live }, ...this.#feeds.values());
  }

  #leave(/** @type {string} */ tab) {
    const held = this.#tabs.get(tab);
    this.#tabs.delete(tab);
    for (const wait of this.#waits) if (wait.to === tab) this.#waits.delete(wait);
    for (const topic of held?.keys() ?? []) this.#drop(/** @type {Any} */ (held), topic);
  }

  #subscribe(/** @type {Map<string, Any>} */ held, /** @type {string} */ topic, /** @type {Any} */ detail) {
    const before = held.get(topic);
    held.set(topic, this.live.subscribe(topic, () => {}, { detail }));
    before?.unsubscribe();
  }

  #drop(/** @type {Map<string, Any>} */ held, /** @type {string} */ topic) {
    held.get(topic)?.unsubscribe();
    held.delete(topic);
    if ([...this.#tabs.values()].some((other) => other.has(topic))) return;
    this.#loaded.delete(topic);
    this.#refused.delete(topic);
  }

  /** Answers who waited for topics that are loaded now, or refused. */
  #settle() {
    for (const wait of this.#waits) {
      const { to, id, topics, detail } = wait;
      const refused = topics.map((/** @type {string} */ topic) => this.#refused.get(topic)).find(Boolean);
      if (refused) {
        this.#waits.delete(wait);
        this.#tell(to, { ...refused, id });
        continue;
      }
      if (topics.some((/** @type {string} */ topic) => ![detail, 'full'].includes(this.#loaded.get(topic)))) continue;
      this.#waits.delete(wait);
      const games = [...this.live.games].filter(([key, game]) => topics.some((/** @type {string} */ topic) => covers(topic, key, game)));
      this.#tell(to, { type: 'subscribed', id, topics, resumed: false },
        ...games.map(([key, game]) => ({ type: 'state', game: key, version: this.live.versions.get(key), state: game })),
        { type: 'position', id });
    }
  }
}
