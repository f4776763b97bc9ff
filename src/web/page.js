// The live page: match day at a glance. It holds no state of its own beyond what is open, filtered and lately told.

import { momentOf, paintGame, phaseOf } from './page-game.js';
import { offerGoals } from './page-publish.js';
import { examine, offerDelay } from './page-doctor.js';
import './score-ticker.js';
import { capital, line } from './score-view.js';
import { scorers, sentence } from './score-words.js';
import { Scoreline } from './scoreline.js';

/** @typedef {any} Any */

/** How long a change stays marked, ms. */
const MARKED = 12_000;
/** How long it stands out, ms, unless so many games change at once. */
const FRESH = 800;
const MUCH = 9;
/** Before the next paint for each game of the last, and at most, ms. */
const [CALM, CALM_MAX] = [50, 500];
const MOMENTS = 6;
const RAW = 60;
const ORDER = ['soccer', 'football', 'basketball', 'tennis', 'cricket', 'hockey', 'baseball', 'handball', 'racing', 'golf'];
const STATES = /** @type {Any} */ ({ connecting: 'Connecting', live: 'Live', stale: 'Reconnecting', closed: 'Closed' });
const OPEN = ['live', 'break', 'interrupted', 'suspended'];

const $ = (/** @type {string} */ id) => /** @type {Any} */ (document.getElementById(id));
const element = (tag = 'div', className = '', /** @type {Any} */ ...children) => {
  const made = document.createElement(tag);
  made.className = className;
  made.append(...children);
  return made;
};

/** What is not written is not laid out again. */
const setText = (/** @type {Any} */ place, /** @type {string} */ text) => { if (place.textContent !== text) place.textContent = text; };

const live = new Scoreline(location.origin);
/** topic → { item, button, panel, open, marks: key → until } @type {Map<string, Any>} */
const rows = new Map();
/** competition → { section, list, sport, place } @type {Map<string, Any>} */
const groups = new Map();
const due = new Set();
const feeds = new Map();
let frame = /** @type {Any} */ (0);
let calm = 0;
let arranged = '';
let filter = 'all';
let wanted = '';
let messages = 0;
let counted = 0;

// ── games ──

function groupOf(/** @type {string} */ topic, /** @type {Any} */ game) {
  const [sport, competition] = topic.split('/');
  const key = `${sport}/${competition}`;
  let group = groups.get(key);
  if (!group) {
    const list = element('ul', 'games');
    const heading = element('h3');
    const section = element('section', 'group', element('header', '', heading, element('span', 'sport', capital(sport))), list);
    heading.id = `g-${key.replace('/', '-')}`;
    section.setAttribute('aria-labelledby', heading.id);
    group = { key, sport, list, section, heading, place: `${String(1 + ORDER.indexOf(sport) || 99).padStart(2, '0')} ${key}` };
    groups.set(key, group);
    paintFilters();
  }
  const { name = competition, round } = game.competition ?? {};
  setText(group.heading, round ? `${name} · ${round}` : name);
  return group;
}

/** Deals the groups out to the columns, by length. Opening a game moves nothing: only other games do. */
function arrange() {
  const widths = ['(min-width: 46rem)', '(min-width: 68rem)'];
  const columns = Array.from({ length: 1 + widths.filter((width) => matchMedia(width).matches).length }, () => ({ length: 0, sections: /** @type {Any[]} */ ([]) }));
  const sorted = [...groups.values()].sort((a, b) => (a.place < b.place ? -1 : 1));
  for (const { list, section } of sorted) {
    const shortest = columns.reduce((least, column) => (column.length < least.length ? column : least));
    shortest.length += 1 + list.children.length;
    shortest.sections.push(section);
  }
  const plan = JSON.stringify(columns.map(({ sections }) => sections.map((section) => section.getAttribute('aria-labelledby'))));
  if (plan === arranged) return;
  arranged = plan;
  $('games').replaceChildren(...columns.map(({ sections }) => element('div', 'column', ...sections)));
}
addEventListener('resize', arrange);

function rowOf(/** @type {string} */ topic) {
  let row = rows.get(topic);
  if (!row) {
    const button = element('button', 'game');
    const panel = element('div', 'panel-game');
    panel.id = `p-${topic.replace(/[^a-z0-9]/g, '-')}`;
    const item = element('li', '', button, panel);
    item.dataset.topic = topic;
    row = { item, button, panel, open: false, marks: new Map(), moment: undefined };
    rows.set(topic, row);
    button.addEventListener('click', () => {
      row.open = !row.open;
      later(topic);
    });
  }
  return row;
}

function paint() {
  frame = 0;
  calm = Date.now() + Math.min(CALM_MAX, CALM * due.size);
  let moved = false;
  for (const topic of due) moved = paintRow(topic) || moved;
  due.clear();
  if (moved) rearrange();
  paintWire();
}

/** Whether it has now another place, or is found by other words. */
function paintRow(/** @type {string} */ topic) {
  const game = live.games.get(topic);
  const row = rowOf(topic);
  if (!game) {
    row.item.remove();
    return rows.delete(topic);
  }
  const { list, sport } = groupOf(topic, game);
  const { status, start = '', competitors = {} } = game;
  const rank = `${OPEN.includes(status) ? 0 : status === 'scheduled' ? 1 : 2}${start}${topic}`;
  const names = Object.values(competitors).map(({ name, abbr }) => `${name ?? ''} ${abbr ?? ''}`).join(' ').toLocaleLowerCase();
  const moved = row.rank !== rank || row.names !== names;
  Object.assign(row, { rank, names, sport, status });
  paintGame(row, game, live);
  if (moved) {
    const after = [...list.children].find((other) => other !== row.item && rows.get(other.dataset.topic)?.rank > rank);
    if (row.item.nextElementSibling !== (after ?? null) || row.item.parentNode !== list) list.insertBefore(row.item, after ?? null);
  }
  return moved;
}

/** Where games came, went or changed their place. */
function rearrange() {
  for (const [key, { list, section }] of groups) {
    if (list.children.length) continue;
    section.remove();
    groups.delete(key);
    paintFilters();
  }
  arrange();
  chooseExample();
  paintSummary();
  applyFilter();
}

function later(/** @type {string} */ topic) {
  due.add(topic);
  frame ||= setTimeout(() => requestAnimationFrame(paint), calm - Date.now());
}

function paintSummary() {
  const statuses = [...live.games.values()].map(({ status }) => status);
  const count = (/** @type {(status: string) => boolean} */ which) => statuses.filter(which).length;
  const playing = count((status) => OPEN.includes(status));
  const coming = count((status) => status === 'scheduled');
  const done = statuses.length - playing - coming;
  $('summary').textContent = statuses.length ? `${playing} live · ${coming} to come · ${done} over` : live.state === 'live' ? 'No games yet' : 'Waiting for the first scores';
  $('empty').hidden = statuses.length > 0 || live.state !== 'live';
}

function paintFilters() {
  const sports = [...new Set([...groups.values()].map(({ sport }) => sport))].sort((a, b) => ORDER.indexOf(a) - ORDER.indexOf(b));
  const choices = ['all', 'live', ...sports].map((name) => {
    const input = /** @type {HTMLInputElement} */ (element('input'));
    Object.assign(input, { type: 'radio', name: 'filter', value: name, checked: name === filter });
    input.addEventListener('change', () => {
      filter = name;
      applyFilter();
    });
    return element('label', '', input, element('span', '', capital(name)));
  });
  $('filters').replaceChildren($('filters').firstElementChild, ...choices);
}

function applyFilter() {
  for (const { item, sport, status, names = '' } of rows.values()) {
    const other = filter === 'live' ? !OPEN.includes(status) : filter !== 'all' && filter !== sport;
    item.hidden = other || !names.includes(wanted);
  }
  for (const { list, section } of groups.values()) section.hidden = ![...list.children].some(({ hidden }) => !hidden);
  $('none').hidden = !rows.size || [...rows.values()].some(({ item }) => !item.hidden);
  setText($('none'), $('none').hidden ? '' : `No game here${wanted && ` with “${wanted}”`}.`);
}

// ── what just happened ──

/** Speaks one sentence at a time; while one is fresh the next wait, newest of each game. */
const speak = (() => {
  /** @type {Map<string, string>} */
  const waiting = new Map();
  let busy = false;
  const next = () => {
    const [first] = waiting;
    busy = !!first;
    if (!first) return;
    waiting.delete(first[0]);
    $('spoken').textContent = first[1];
    setTimeout(next, 3000);
  };
  return (/** @type {string} */ topic, /** @type {string} */ text) => {
    waiting.set(topic, text);
    if (!busy) next();
  };
})();

live.addEventListener('update', (/** @type {Any} */ { detail: change }) => {
  const { topic, game, before, correction } = change;
  const row = rowOf(topic);
  const moment = before && momentOf(change);
  const until = Date.now() + MARKED;
  for (const key of scorers(change)) row.marks.set(key, { until, freshUntil: due.size < MUCH ? Date.now() + FRESH : 0 });
  if (moment) {
    row.moment = { ...moment, until };
    const item = element('li', `moment ${moment.kind}`, element('b', '', moment.word), ' ', element('span', '', line(game)), ' ', element('span', 'soft', phaseOf(game, live)));
    $('moments').prepend(item);
    while ($('moments').children.length > MOMENTS) $('moments').lastChild.remove();
  }
  if (before && (moment || row.open)) {
    const said = sentence(change, phaseOf(game, live)) || (moment ? `${moment.word}. ${line(game)}.` : '');
    if (said) speak(topic, moment && !correction ? `${moment.word}. ${said.replace(`${moment.word}. `, '')}` : said);
  }
  later(topic);
});
live.addEventListener('removed', (/** @type {Any} */ { detail }) => later(detail.topic));

// Clocks tick, and marks fade, once a second; nobody sends a message for it.
setInterval(() => {
  if (document.hidden) return;
  for (const [topic, row] of rows) {
    const game = live.games.get(topic);
    if (row.fades < Date.now() || (game?.clock && row.phase !== phaseOf(game, live))) later(topic);
  }
}, 1000);

// ── connection ──

live.addEventListener('state', () => {
  const { state } = live;
  $('state').dataset.state = state;
  $('state').textContent = STATES[state];
  document.documentElement.classList.toggle('stale', state === 'stale' || state === 'closed');
  chooseExample();
  paintSummary();
});
live.addEventListener('feed', (/** @type {Any} */ { detail: { feed, status } }) => {
  if (status === 'live') feeds.delete(feed);
  else feeds.set(feed, status);
  $('feeds').hidden = !feeds.size;
  $('feeds').textContent = [...feeds].map(([name, how]) => `Feed ${name} is ${how}: its scores may be old.`).join(' ');
});
live.addEventListener('error', (/** @type {Any} */ { detail }) => console.warn('scoreline:', detail));
live.addEventListener('message', (/** @type {Any} */ { detail: text }) => {
  messages++;
  if (text.startsWith('{"type":"hello"')) feeds.clear();
  if (!$('raw').open) return;
  $('messages').prepend(element('li', '', element('code', '', text)));
  while ($('messages').children.length > RAW) $('messages').lastChild.remove();
});
/** With the frame of another paint: one for this alone would cost as much. */
function paintWire() {
  if (Date.now() < counted) return;
  counted = Date.now() + 1000;
  $('wire').textContent = `${messages.toLocaleString()} messages · ${live.games.size} games · ${live.gaps} gaps`;
}

// ── embedding ──

/** The example is one game, a live one where there is; chosen once, so that it does not change under the reader. */
function chooseExample() {
  if (live.state !== 'live' || !live.games.size || $('example').firstChild) return;
  const playing = [...live.games].filter(([, { status }]) => status === 'live');
  const [topic] = playing.find(([key]) => key.startsWith('soccer/')) ?? playing[0] ?? [...live.games][0];
  $('snippet').textContent = `<script type="module" src="${location.origin}/score-ticker.js"></script>\n<score-ticker topic="${topic}"></score-ticker>`;
  const ticker = /** @type {Any} */ (document.createElement('score-ticker'));
  ticker.setAttribute('topic', topic);
  ticker.setAttribute('layout', 'card');
  ticker.setAttribute('live', 'off');
  ticker.client = live;
  $('example').replaceChildren(ticker);
}
$('copy').addEventListener('click', async () => {
  await navigator.clipboard.writeText($('snippet').textContent);
  $('copied').textContent = 'Copied';
});

$('team').addEventListener('input', () => {
  wanted = $('team').value.trim().toLocaleLowerCase();
  applyFilter();
});

examine(live);
offerDelay(live);
live.subscribe('*');
if (document.querySelector('meta[name=scoreline-demo]')?.getAttribute('content') === 'true') offerGoals(live);
