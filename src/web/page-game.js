// One game on the live page: its row, and what opening it shows.

import { draw, h } from './score-draw.js';
import { columns, figure, figureName, learn, nameOf, phase, sides } from './score-view.js';
import { correctionOf } from './score-words.js';

// The page shows every sport.
await learn({ sport: '*' });

/** @typedef {any} Any */

/** A correction is shown this long, ms. */
const RECENT = 600_000;
/** Of a field, so many are shown before it is opened. */
const LEADERS = 3;
const WORDS = /** @type {Any} */ ({
  goal: 'Goal', wicket: 'Wicket', run: 'Run', set: 'Set', card: 'Card', overtake: 'Overtake', retirement: 'Retired', review: 'Review',
  substitution: 'Substitution', penalty: 'Penalty', shootout: 'Shoot-out', period_end: 'End of period',
});
/** What is told at once; the rest is read on opening the game. */
const MOMENTS = ['goal', 'wicket', 'set', 'run', 'card', 'overtake', 'retirement', 'shootout'];

const capital = (/** @type {string} */ text) => text.charAt(0).toUpperCase() + text.slice(1).replaceAll('_', ' ');
const wordOf = (/** @type {Any} */ { type = 'event', detail }) => {
  const word = WORDS[type] ?? capital(type);
  return type === 'card' && detail ? `${capital(detail)} card` : detail && /goal|run|penalty|wicket/.test(type) ? `${word}, ${capital(detail).toLowerCase()}` : word;
};

export const phaseOf = (/** @type {Any} */ game, /** @type {Any} */ live) => phase(game, live.clockNow(game));

/** What a change is to somebody who glances at the page: { word, kind }, or nothing. */
export function momentOf(/** @type {Any} */ { game, changed, correction }) {
  if (correction) {
    const { word } = correctionOf(game) ?? {};
    return { word: capital(word ?? 'corrected'), kind: 'correction' };
  }
  for (const id of Object.keys(changed.incidents ?? {})) {
    const incident = game.incidents?.[id];
    if (!incident || !MOMENTS.includes(incident.type) || !changed.incidents[id]?.type) continue;
    return { word: wordOf(incident), kind: incident.type };
  }
  return undefined;
}

/** @param {Any} row @param {Any} game @param {Any} live */
export function paintGame(row, game, live) {
  const now = Date.now();
  for (const [key, { until }] of row.marks) if (until < now) row.marks.delete(key);
  if (row.moment?.until < now) row.moment = undefined;
  const fading = [...row.marks.values()].map(({ until, freshUntil }) => (freshUntil > now ? freshUntil : until));
  row.fades = Math.min(...fading, row.moment?.until ?? Infinity);
  row.phase = phaseOf(game, live);
  row.item.className = `s-${game.status ?? 'unknown'}`;
  const { id } = row.panel;
  draw(h('button', { class: 'game', type: 'button', 'aria-controls': id, 'aria-expanded': String(row.open) }, ...summary(row, game, live)), row.button);
  draw(h('div', { class: 'panel-game', id, hidden: row.open ? '' : 'hidden' }, ...(row.open ? details(game) : [])), row.panel);
}

function summary(/** @type {Any} */ row, /** @type {Any} */ game, /** @type {Any} */ live) {
  const field = sides(game);
  const ranked = !game.competitors?.home && !game.competitors?.away;
  const shown = columns(game, false);
  const lines = field.slice(0, ranked ? LEADERS : 2).map((side) => {
    const [key, competitor] = side;
    const { score = {} } = competitor;
    const mark = row.marks.get(key);
    const looks = ['side', mark && 'marked', mark?.freshUntil > Date.now() && 'fresh'].filter(Boolean).join(' ');
    return h('span', { class: looks },
      h('span', { class: 'name', dir: 'auto' }, ranked && score.rank ? h('i', {}, `${score.rank} `) : '', nameOf(side)), ' ',
      ...shown.flatMap(({ of }) => [h('span', { class: 'part' }, `${of(score) ?? ''}`), ' ']),
      h('b', { class: 'total' }, figure(game, competitor)), ' ');
  });
  const taken = correctionOf(game);
  const fresh = taken && live.clockNow({ status: 'live', clock: { mode: 'up', ms: 0, at: game.correction.at } }) < RECENT;
  return [
    h('span', { class: 'phase' }, row.phase), ' ',
    h('span', { class: 'sides' }, ...lines,
      fresh ? h('span', { class: 'correction' }, taken.shown ? h('s', {}, taken.shown) : '', ` ${capital(taken.word)}`)
        : row.moment ? h('span', { class: 'chip' }, row.moment.word) : ''),
  ];
}

function details(/** @type {Any} */ game) {
  const { status_reason: reason } = game;
  return [reason && h('p', {}, capital(reason)), partsTable(game), situation(game), timeline(game), facts(game)].filter(Boolean);
}

/** Every column, with heads; of a field everybody. */
function partsTable(/** @type {Any} */ game) {
  const shown = columns(game, true);
  const field = sides(game);
  if (!shown.length && field.length < 3) return undefined;
  const heads = ['', ...shown.map(({ head }) => head), figureName(game)];
  return h('div', { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': 'Score by period' }, h('table', {},
    h('thead', {}, h('tr', {}, ...heads.map((head) => (head ? h('th', { scope: 'col' }, head) : h('td'))))),
    h('tbody', {}, ...field.map((side) => h('tr', { class: side[1].status && side[1].status !== 'active' ? 'out' : undefined },
      h('th', { scope: 'row', dir: 'auto' }, side[1].score?.rank ? `${side[1].score.rank}  ${nameOf(side)}` : side[1].abbr ?? nameOf(side)),
      ...shown.map(({ of }) => h('td', {}, `${of(side[1].score ?? {}) ?? ''}`)),
      h('td', { class: 'total' }, figure(game, side[1])))))));
}

function situation(/** @type {Any} */ { situation: now = {}, competitors = {} }) {
  const said = Object.entries(now).filter(([, value]) => typeof value !== 'object' && value !== false)
    .map(([name, value]) => h('span', {}, h('i', {}, `${capital(name)} `), `${competitors[value]?.abbr ?? value}`));
  return said.length ? h('p', { class: 'facts' }, ...said) : undefined;
}

/** Newest first; what was taken back stays, struck through and said so. */
function timeline(/** @type {Any} */ { incidents = {}, competitors = {}, sport }) {
  const listed = Object.values(incidents).sort((a, b) => (b.order ?? 0) - (a.order ?? 0));
  if (!listed.length) return h('p', { class: 'soft' }, 'Nothing to tell yet.');
  return h('ol', { class: 'timeline', 'aria-label': 'Incidents, newest first' }, ...listed.map((incident) => {
    const { type, status, side, athlete, other, minute, added_min: added, period, text, detail } = incident;
    const when = minute !== undefined ? `${minute}${added ? `+${added}` : ''}′` : period ? `${sport === 'racing' ? 'Lap ' : ''}${period}` : '';
    const gone = status === 'void';
    const who = [athlete, type === 'substitution' ? other && `for ${other}` : other && `(${other})`].filter(Boolean).join(' ');
    return h('li', { class: `${type ?? ''} ${detail ?? ''} ${status ?? ''}` },
      h('span', { class: 'when' }, when), ' ',
      h('span', { class: 'what' },
        h(gone ? 's' : 'b', {}, wordOf(incident)), ' ',
        side && competitors[side] ? h('span', { class: 'tag' }, competitors[side].abbr ?? competitors[side].name ?? side) : '', ' ',
        h(gone ? 's' : 'span', { dir: 'auto' }, who), ' ',
        gone ? h('em', {}, 'ruled out') : status === 'provisional' ? h('em', {}, 'provisional') : status === 'amended' ? h('em', {}, 'amended') : '',
        text ? h('span', { class: 'text' }, text) : ''));
  }));
}

function facts(/** @type {Any} */ game) {
  const said = Object.entries(game.info ?? {}).map(([name, value]) => h('span', {}, h('i', {}, `${capital(name)} `), typeof value === 'number' ? value.toLocaleString() : `${value}`));
  return said.length ? h('p', { class: 'facts' }, ...said) : undefined;
}
