// <score-ticker>: docs.html, README.md.

import { Scoreline } from './scoreline.js';

/** @type {any} */
const any = undefined;

/** @returns {any} */
const make = (tag = '', properties = {}) => globalThis.document && Object.assign(document.createElement(tag), properties);

const CSS = `:host{display:block;color-scheme:light dark;font:15px/1.4 var(--scoreline-font,system-ui,sans-serif);color:var(--scoreline-ink,light-dark(#14181f,#eef1f5));--_soft:var(--scoreline-soft,light-dark(#586172,#a3adbd));--_line:var(--scoreline-line,light-dark(#dfe3ea,#2c333e));--_live:var(--scoreline-live,light-dark(#c2123f,#ff7a94));--_paper:var(--scoreline-paper,light-dark(#fff,#161a20))}
:host([theme=light]){color-scheme:light}:host([theme=dark]){color-scheme:dark}:host([hidden]){display:none}:host([stale]) article{filter:grayscale(1);border-style:dashed}
div{display:grid;gap:8px;overflow:auto;padding:1px}
.strip{grid-auto-flow:column;grid-auto-columns:max-content}
.card{grid-template-columns:repeat(auto-fill,minmax(min(100%,270px),1fr));align-items:start}
article{background:var(--_paper);border:1px solid var(--_line);border-radius:var(--scoreline-radius,10px);padding:8px 12px;contain:content}article:has(thead){overflow:auto hidden}
div:not(.strip) article{content-visibility:auto;contain-intrinsic-size:auto 90px}
.row{gap:0}.row article{border-width:0 0 1px;border-radius:0}
header{display:flex;justify-content:space-between;gap:12px;font-size:.8em;color:var(--_soft)}
.live b,p{color:var(--_live)}
table{width:100%;border-spacing:0}
th{font-weight:500}td,b{white-space:nowrap;font-variant-numeric:tabular-nums}td,thead th{text-align:end;padding-inline-start:.6em;color:var(--_soft)}thead{font-size:.75em}
tbody th{width:100%;text-align:start;overflow-wrap:anywhere}td:last-child{color:var(--scoreline-ink,inherit);font-weight:700;font-size:1.1em}
.changed{background:var(--scoreline-mark,light-dark(#ffe9a8,#55430a))}
@media print{:host,:host([theme]){color-scheme:light}div,.strip{display:block;overflow:visible}}
@media (prefers-reduced-motion:no-preference){.fresh .changed{background:var(--_live);color:var(--_paper)}}
.out{text-decoration:line-through}
p{margin:4px 0 0;font-size:.85em}
.sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}`;

let style = any;
let words = any;
let view = any;
const reading = Promise.all([import('./score-view.js'), import('./score-draw.js')]).then((all) => { view = Object.assign({}, ...all); });
const loadWords = async () => { words = await import('./score-words.js'); };

/** One for all tickers that ask the same of the same server. */
const clients = new Map();

// Under Node there are no elements, but imports.
export class ScoreTicker extends (globalThis.HTMLElement ?? Object) {
  static observedAttributes = ['src', 'topic', 'layout', 'delay', 'lang', 'live'];

  #articles = new Map();
  #due = new Map();
  #calm = 0;
  #said = any ?? [];
  #told = any;
  #live = any;
  #given = any;
  #list = make('div', { part: 'games', role: 'group', ariaLabel: 'Scores', tabIndex: 0 });
  #speaker = make('span', { className: 'sr', role: 'status' });
  #text = make('span', { slot: 'text' });
  #slot = make('slot');
  #ending = new AbortController();

  set client(/** @type {any} */ live) {
    this.#given = live;
    this.attributeChangedCallback();
  }

  connectedCallback() {
    if (!this.shadowRoot) {
      if (!style) (style = new CSSStyleSheet()).replaceSync(CSS);
      const root = this.attachShadow({ mode: 'open' });
      root.adoptedStyleSheets = [style];
      root.append(this.#list, this.#speaker);
    }
    this.disconnectedCallback();
    const { signal } = this.#ending = new AbortController();
    const [src, delay] = [this.#get('src'), +this.#get('delay')];
    const key = src + delay;
    const live = this.#live = this.#given ?? clients.get(key) ?? new Scoreline(src || undefined, { delay });
    if (!this.#given) clients.set(key, live);
    live.users = 1 + (live.users ?? 0);
    const tick = setInterval(() => this.#tick(), 1e3);
    signal.onabort = () => {
      clearInterval(tick);
      setTimeout(() => {
        if (--live.users || live !== clients.get(key)) return;
        clients.delete(key);
        live.close();
      });
    };
    this.#list.className = this.#get('layout') || 'card';
    this.#list.replaceChildren(this.#slot);
    const options = { signal, detail: /card|table/.test(this.#list.className) ? 'full' : 'score' };
    for (const topic of this.#get('topic').match(/[^\s,]+/g) ?? []) {
      reading.then(() => view.learn({ sport: topic.split('/')[0] }));
      live.subscribe(topic, (_ = any, change = any) => this.#take(change), options);
    }
    live.addEventListener('removed', ({ detail } = any) => this.#mark(detail.topic), options);
    const show = () => {
      this.toggleAttribute('stale', live.state !== 'live');
      this.#fire('state', { state: live.state });
    };
    live.addEventListener('state', show, options);
    show();
  }

  disconnectedCallback() {
    this.#ending.abort();
    this.#articles.clear();
    this.#due.clear();
  }

  attributeChangedCallback() { if (this.#live && this.isConnected) this.connectedCallback(); }

  #get(name = '') { return this.getAttribute(name) ?? ''; }

  #fire(name = '', detail = any) {
    this.dispatchEvent(new CustomEvent(`scoreline-${name}`, { detail, bubbles: true, composed: true }));
  }

  #phase(game = any) { return view.phase(game, this.#live.clockNow(game), this.closest('[lang]')?.getAttribute('lang')); }

  async #take(change = any) {
    if (change === this.#told) return;
    this.#told = change;
    this.#mark(change.topic);
    this.#fire('update', change);
    if (!change.before) return;
    await reading;
    if (!words) await loadWords();
    const whose = words.scorers(change);
    this.#mark(change.topic, whose);
    if (whose.length) this.#fire('score', { ...change, scorers: whose });
    if (change.correction) this.#fire('correction', change);
    if ((whose.length || change.correction) && !document.hidden && this.#get('live') !== 'off') this.#said = [...this.#said.slice(-4), change];
  }

  #mark(topic = '', whose = ['']) {
    if (!this.#due.size) setTimeout(() => requestAnimationFrame(() => reading.then(() => this.#paint())), this.#calm - Date.now());
    this.#due.set(topic, (this.#due.get(topic) ?? []).concat(whose).slice(-9));
  }

  #tick() {
    if (document.hidden) return;
    for (const [topic, article] of this.#articles) {
      const game = this.#live.games.get(topic);
      if (article.until < Date.now() || (game?.clock && this.#phase(game) !== article.phase)) this.#mark(topic, []);
    }
  }

  #paint() {
    if (!this.#due.size) return;
    for (const [topic, whose] of this.#due) {
      const game = this.#live.games.get(topic);
      if (!game) {
        this.#articles.delete(topic);
        continue;
      }
      const learning = view.learn(game);
      if (learning) {
        learning.then(() => {
          this.#calm = 0;
          this.#mark(topic);
        });
        continue;
      }
      const article = this.#articles.get(topic) ?? make('article');
      this.#articles.set(topic, article);
      const { status = '', start = '' } = game;
      article.rank = `${/final|ended|award|aban|canc|post/.test(status) ? 2 : status === 'scheduled' ? 1 : 0}${start}${topic}`;
      article.line = view.line(game);
      if (whose.length) article.whose = whose;
      if (whose.some(Boolean) && this.#due.size < 9) article.until = Date.now() + 1200;
      if (article.until < Date.now()) article.until = NaN;
      article.phase = this.#phase(game);
      view.draw(view.h('article', { part: 'game', 'data-topic': topic, class: status + (article.until ? ' fresh' : '') }, ...this.#parts(topic, game, article)), article);
    }
    this.#calm = Date.now() + Math.min(500, 50 * this.#due.size);
    this.#due.clear();
    const order = [...this.#articles.values()].sort((a, b) => (a.rank < b.rank ? -1 : 1));
    this.#text.textContent = order.map(({ line }) => line).join(' \n');
    if (!order.length) order.push(this.#slot);
    const { children } = this.#list;
    order.forEach((article, n) => article === children[n] || this.#list.insertBefore(article, children[n]));
    while (children[order.length]) children[order.length].remove();
    if (this.#text.parentNode !== this) this.append(this.#text);
    if (!this.#said.length) return;
    this.#speaker.ariaLive = this.#get('live') || 'polite';
    this.#speaker.textContent = this.#said.map((change = any) => words.sentence(change, this.#phase(change.game))).join(' ');
    this.#said = [];
  }

  #parts(topic = '', game = any, { line, phase, whose } = any) {
    const { h } = view;
    const layout = this.#list.className;
    const table = layout === 'table';
    const shown = view.columns(game, table || layout === 'card');
    const ranked = view.isField(game);
    const cell = (text = any, of = any) => h('td', { part: 'part', ...of }, h('bdi', { dir: 'ltr' }, text ?? ''), ' ');
    if (game.correction && !words) loadWords().then(() => this.#mark(topic));
    const taken = words?.takenBack(game, this.#live);
    return [
      h('header', { part: 'meta' }, h('span', { part: 'competition' }, game.competition?.name), ' ', h('b', { part: 'status' }, phase)),
      h('span', { class: 'sr' }, line),
      h('table', { part: 'score' },
        shown.length > (table ? 0 : 4) && h('thead', {}, h('tr', {}, h('td'), ...[...shown, { head: view.figureName(game) }].map(({ head }) => h('th', { scope: 'col' }, head)))),
        h('tbody', {}, ...view.sides(game).slice(0, table || !ranked ? 256 : 5).map((side = any) => {
          const [key, { score = {}, status, abbr }] = side;
          const name = abbr && (layout === 'strip' || shown.length > 4) ? abbr : view.nameOf(side);
          return h('tr', { part: 'side', class: status && status !== 'active' && 'out' },
            h('th', { scope: 'row', part: 'name' }, ranked && score.rank && `${score.rank} `, h('bdi', {}, name), ' '),
            ...shown.map(({ of } = any) => cell(of(score))),
            cell(view.figure(game, side[1]), { part: 'total', class: whose.includes(key) && 'changed' }));
        }))),
      taken ? h('p', { part: 'correction' }, h('s', {}, taken.shown), ` ${taken.word}`) : '',
    ];
  }
}

const registry = globalThis.customElements;
if (registry && !registry.get('score-ticker')) registry.define('score-ticker', ScoreTicker);
