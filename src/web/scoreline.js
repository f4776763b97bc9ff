// See README.md

/** @type {any} */
const any = undefined;

const merge = (held = any, patch = any) => {
  const made = held instanceof Object ? { ...held } : {};
  for (const key in patch) {
    const value = patch[key];
    if (value === null) delete made[key];
    else made[key] = value instanceof Object ? merge(made[key], value) : value;
  }
  return made;
};

const diff = (from = any, to = any) => {
  let patch = any;
  for (const key in { ...from, ...to }) {
    const [a, b] = [from?.[key], to[key]];
    const part = a === b ? undefined : a instanceof Object && b instanceof Object ? diff(a, b) : b ?? null;
    if (part !== undefined) (patch ??= {})[key] = part;
  }
  return patch;
};

export const covers = (topic = '', key = '', game = any) => {
  const [kind, sport, team] = topic.split('/');
  if (kind !== 'team') return topic === '*' || `${key}/`.startsWith(`${topic}/`);
  return key.startsWith(`${sport}/`) && (!game || Object.values(game.competitors ?? {}).some((side) => side.team === team));
};

export class Scoreline extends EventTarget {
  games = new Map();
  versions = new Map();
  state = 'connecting';
  transport = '';
  gaps = 0;

  #topics = new Map();
  #loads = new Map();
  #link = any;
  #next = any;
  #options = any;
  #asking = any;
  #retry = any;
  #token = any;
  #way = any;
  #url;
  #id = 0;
  #tries = 0;
  #asked = 0;
  #offset = 0;
  #lag = 0;
  #ways = any ?? [];
  #ending = new AbortController();

  constructor(url = any ?? import.meta.url.replace(/v\/\w+\//, ''), options = {}) {
    super();
    this.#options = { delay: 0, maxRate: 0, mode: 'latest', detail: 'full', transport: ['ws', 'sse', 'poll'], share: globalThis.document && navigator.locks, ...options };
    this.tune();
    this.#url = new URL('v1/ws', new URL(url, globalThis.location?.href)).href.replace('http', 'ws');
    const probe = () => {
      if (globalThis.document?.hidden || this.#next) return;
      if (!this.#link) return this.#connect();
      this.#send('ping');
      this.#watch(this.#link, 3e3);
    };
    globalThis.addEventListener?.('online', probe, this.#ending);
    globalThis.addEventListener?.('visibilitychange', probe, this.#ending);
    this.#connect();
  }

  subscribe(topic = '*', callback = any, { signal, detail = this.#options.detail } = any ?? {}) {
    const entry = this.#topics.get(topic) ?? { topic, callers: new Map() };
    const ending = new AbortController();
    const unsubscribe = () => ending.abort();
    const queue = new Map();
    let wake = any ?? (() => {});
    const listen = ({ detail: change } = any) => {
      if (!covers(topic, change.topic, change.game)) return;
      if (callback) return callback(change.game, change);
      queue.set(change.topic, change);
      wake();
    };
    const settle = () => {
      const [greatest] = [...entry.callers.values()].sort();
      if (!greatest) {
        this.#topics.delete(topic);
        if (this.#link) entry.load ? this.#send('unsubscribe', { topics: [topic] }) : this.#drop();
      } else if (greatest !== entry.detail) {
        Object.assign(entry, { detail: greatest, load: undefined });
        queueMicrotask(() => this.#sync());
      }
    };
    this.#topics.set(topic, entry);
    entry.callers.set(unsubscribe, detail);
    settle();
    this.addEventListener('update', listen, ending);
    ending.signal.onabort = () => {
      entry.callers.delete(unsubscribe);
      settle();
      wake();
    };
    if (signal?.aborted) unsubscribe();
    signal?.addEventListener('abort', unsubscribe);
    queueMicrotask(() => {
      for (const [key, game] of this.games) {
        if (!ending.signal.aborted) listen({ detail: { topic: key, game, version: this.versions.get(key), changed: game, resumed: false } });
      }
    });
    return {
      unsubscribe,
      async *[Symbol.asyncIterator]() {
        try {
          while (!ending.signal.aborted) {
            for (const [key, change] of queue) {
              queue.delete(key);
              yield change;
            }
            if (!ending.signal.aborted) await new Promise((go) => wake = go);
          }
        } finally {
          unsubscribe();
        }
      },
    };
  }

  get delay() { return this.#options.delay; }
  set delay(delay) { this.tune({ delay }); }

  tune(change = {}) {
    const { delay, maxRate, mode } = Object.assign(this.#options, change);
    this.#asking = { delay, max_rate: maxRate, mode };
    if (!this.#link) return;
    if (!this.#link.fixed) return this.#send('options', this.#asking);
    this.#cut(this.#link);
    this.#link = null;
    this.#connect();
  }

  clockNow({ clock = {}, status } = any, now = Date.now()) {
    const passed = status === 'live' && clock.running !== false && Math.max(0, now + this.#offset - this.delay * 1e3 - clock.at);
    return Math.max(0, clock.mode === 'down' ? clock.ms - +passed : clock.ms + +passed);
  }

  close(code = 1000, reason = '', sent = code) {
    this.#ending.abort();
    clearTimeout(this.#retry);
    this.#cut(this.#link, sent, reason);
    this.#cut(this.#next, sent, reason);
    this.#link = this.#next = null;
    this.#become('closed', { code, reason });
    for (const { callers } of this.#topics.values()) for (const [unsubscribe] of callers) unsubscribe();
  }

  #emit(type = '', detail = any) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #become(state = '', why = {}) {
    if (state === this.state || this.state === 'closed' || (state === 'stale' && this.state === 'connecting')) return;
    this.state = state;
    this.#emit('state', { state, ...why });
  }

  #later(ms = 0) {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#next ?? this.#connect(), ms);
  }

  async #connect() {
    this.#cut(this.#next);
    const { token, share, transport } = this.#options;
    let link = this.#next = any ?? {};
    try {
      this.#token ??= token?.call ? await token() : token;
      if (!this.#ways.length) this.#ways = [share ? 'share' : [], this.#way ?? transport].flat();
      const [way] = this.#ways;
      const Link = way === 'ws' ? WebSocket : way.call ? way : (await import(`./scoreline-${way}.js`)).Link;
      if (this.#next !== link) return;
      const asking = this.#asking;
      link = this.#next = new Link(`${this.#url}?${new URLSearchParams(asking)}`, ['scoreline.v1.json'].concat(this.#token ? `bearer.${this.#token}` : []), this.#options);
      Object.assign(link, { way, asking });
      link.onopen = () => this.#adopt(link);
      link.onclose = ({ code, reason } = any) => this.#lost(link, code, reason);
      link.onmessage = ({ data, message } = any) => {
        if (link !== this.#link) return;
        if (data) this.#emit('message', data);
        this.#receive(link, message ?? JSON.parse(data));
      };
      this.#watch(link);
    } catch (error) {
      this.#emit('error', error);
      this.#lost(link);
    }
  }

  #watch(link = any, ms = link.patience ?? 3e3 + 3e3 * this.#tries) {
    clearTimeout(link.timer);
    link.rest = ms === link.patience && Date.now() + 1e3;
    link.timer = setTimeout(() => this.#lost(link), ms);
  }

  #cut(link = any, code = 1000, reason = '') {
    if (!link) return;
    clearTimeout(link.timer);
    link.onclose = null;
    link.close?.(code, reason);
  }

  #adopt(link = any) {
    clearTimeout(this.#retry);
    this.#cut(this.#link);
    this.#link = link;
    this.#next = null;
    this.#loads.clear();
    link.opened = Date.now();
    for (const entry of this.#topics.values()) Object.assign(entry, { load: undefined, since: link.asking.delay > this.#lag ? undefined : entry.since });
    this.#lag = link.asking.delay;
    this.#drop();
    for (const [key, game] of this.games) {
      const { incidents, situation, info, ...score } = game;
      if (!this.#covering(key, game).some(({ detail }) => detail === 'full')) this.games.set(key, score);
    }
    if (link.asking !== this.#asking) this.tune();
    this.#sync();
  }

  #lost(link = any, code = 1006, reason = '') {
    if (link !== this.#link && link !== this.#next) return;
    this.#cut(link);
    if (link === this.#next) this.#next = null;
    else this.#link = null;
    if (Date.now() - link.opened >= 1e4) this.#tries = this.#asked = 0;
    if (/^(100[2379]|400[03])$/.test(`${code}`) || (code === 4001 && (this.#asked++ || !this.#options.token?.call))) return this.close(code, reason, 1000);
    if (code === 4001 || !link.patience) this.#token = null;
    if (!link.patience) this.#ways.shift();
    if (!this.#link) this.#become('stale');
    if (this.#next) return;
    if (this.#ways.length) this.#connect();
    else this.#later(Math.random() * Math.min(2e4, 500 * 2 ** this.#tries++));
  }

  #send(type = '', body = {}) {
    this.#link.send(JSON.stringify({ type, id: ++this.#id, ...body }));
    return this.#id;
  }

  #sync() {
    if (!this.#link) return;
    const groups = any ?? {};
    for (const entry of this.#topics.values()) {
      if (!entry.load) (groups[`${entry.detail} ${entry.since} ${entry.alone}`] ??= []).push(entry);
    }
    for (const key of Object.keys(groups).sort()) {
      const [{ detail, since }] = groups[key];
      const load = { topics: groups[key].map(({ topic } = any) => topic), detail };
      for (const entry of groups[key]) entry.load = load;
      this.#loads.set(this.#send('subscribe', { ...load, since }), load);
    }
  }

  #receive(link = any, message = any) {
    const { type, id, game, version, position, time_ms } = message;
    const load = this.#loads.get(id);
    const entries = [...this.#topics.values()];
    const own = entries.filter((entry) => !load || entry.load === load);
    if (type === 'options') this.#lag = message.delay;
    if (time_ms) this.#offset = time_ms - Date.now();
    if (type === 'hello') {
      link.patience = message.heartbeat * 2e3 + 3e3;
      this.transport = link.way;
      this.#ways = [];
      if (!link.fixed) this.#way = link.way;
    } else if (type === 'subscribed' && load) {
      load.seen = message.resumed ? null : new Set();
    } else if (type === 'state') {
      for (const { seen } of this.#loads.values()) seen?.add(game);
      this.#set(game, version, message.state);
    } else if (type === 'update') {
      const held = this.versions.get(game) ?? 0;
      if (message.base > held) this.#gap(game);
      else if (version > held) this.#set(game, version, merge(this.games.get(game), message.patch));
    } else if (type === 'removed') {
      this.#drop((key) => key === game);
    } else if (type === 'position' && load) {
      this.#loads.delete(id);
      load.done = true;
      this.#drop((key, held) => load.seen && !load.seen.has(key) && load.topics.some((topic = '') => covers(topic, key, held)));
      this.#emit('loaded', load);
    } else if (type === 'reset') {
      load?.seen?.clear();
      for (const entry of own) entry.since = undefined;
      if (!load) {
        const told = entries.filter(({ load }) => load?.seen !== undefined);
        const whole = { topics: told.map(({ topic }) => topic), seen: new Set() };
        for (const [key, { detail }] of this.#loads) detail ?? this.#loads.delete(key);
        for (const entry of told) if (entry.load.done || !entry.load.detail) entry.load = whole;
        this.#loads.set(id, whole);
      }
    } else if (type === 'unsubscribed') {
      this.#drop();
    } else if (type === 'feed') {
      this.#emit(type, message);
    } else if (type === 'goodbye') {
      this.#later(message.reconnect_ms);
    } else if (type === 'error') {
      this.#loads.delete(id);
      if (load && own[1]) for (const entry of own) Object.assign(entry, { load: undefined, alone: entry.topic });
      else this.#emit(type, { ...message, topics: load?.topics });
      this.#sync();
    }
    if (position) for (const entry of entries) if (entry.load?.done) entry.since = position;
    if (link !== this.#link) return;
    if (Date.now() >= link.rest) this.#watch(link);
    link.live = message.live ?? link.live ?? true;
    if (!link.live) this.#become('stale');
    else if (!this.#loads.size) this.#become('live');
  }

  #covering(key = '', game = any) {
    return [...this.#topics.values()].filter(({ topic }) => covers(topic, key, game));
  }

  #set(topic = '', version = 0, game = any) {
    const entries = this.#covering(topic, game);
    if (!entries.length) return this.#drop((key) => key === topic);
    const before = this.games.get(topic);
    const changed = diff(before, game);
    if (!changed && version === this.versions.get(topic)) return;
    this.games.set(topic, game);
    this.versions.set(topic, version);
    this.#emit('update', {
      topic, game, before, version, changed: changed ?? {},
      correction: before && changed?.correction && game.correction,
      resumed: !!before && !entries.some(({ load }) => load?.done),
    });
  }

  #gap(game = '') {
    const entries = this.#covering(game, this.games.get(game)).filter(({ load, since }) => load?.done || since);
    if (entries.length) this.gaps++;
    for (const entry of entries) Object.assign(entry, { load: undefined, since: undefined });
    this.#sync();
  }

  #drop(when = (key = '', game = any) => !this.#covering(key, game).length) {
    for (const [topic, game] of this.games) {
      if (!when(topic, game)) continue;
      this.games.delete(topic);
      this.versions.delete(topic);
      this.#emit('removed', { topic, game });
    }
  }
}
