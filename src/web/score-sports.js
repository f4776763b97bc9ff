// What sports beyond goals and minutes are read by: sets, innings, overs, quarters, leaderboards. Loaded with the first such game.

import { capital, isField, sides } from './score-view.js';

/** @type {any} */
const any = undefined;

const PERIODS = any ?? { quarter: 'Q', period: 'P', overtime: 'OT', extra: 'Extra time', set: 'Set ', innings: 'Innings ', round: 'Round ', lap: 'Lap ' };

const ordinal = (n = 0) => n + (['st', 'nd', 'rd'][((n + 90) % 100 - 10) % 10 - 1] ?? 'th');

/** Runs for wickets, strokes to par; undefined where the plain figure says it. */
export const figure = ({ sport } = any, { total, wickets, balls, display } = any) => {
  if (wickets !== undefined) return balls || total ? `${total}/${wickets}` : display ?? '–';
  if (sport === 'golf' && total !== undefined) return total > 0 ? `+${total}` : total ? `−${-total}` : 'E';
  return undefined;
};

/** Q3 · P2 · OT · Set 2 · Top 8th · 2nd half · Lap 15/24. */
export const periodName = ({ kind, number, of, half } = any) => {
  if (kind === 'half') return `${ordinal(number)} half`;
  if (kind === 'inning') return half ? `${capital(half)} ${ordinal(number)}` : `Inning ${number}`;
  const word = PERIODS[kind] ?? '';
  return word + (/[QP ]$/.test(word) ? number : '') + (of && kind === 'lap' ? `/${of}` : '');
};

/** What the figure is: of a race how far behind the first, of golf strokes over or under par. */
export const figureName = (game = any) => {
  const scores = sides(game).map(([, { score = {} }]) => score);
  if (game.sport === 'golf') return 'To par';
  if (scores.some((score) => 'sets' in score)) return 'Sets';
  return isField(game) && !scores.some((score) => 'total' in score) ? 'Gap' : 'Total';
};

/** What stands beside the figure, by column: sets and points, innings, quarters, overs, holes played, laps. */
export const columns = (game = any, /** @type {boolean} */ all) => {
  const scores = sides(game).map(([, { score = {} }]) => score);
  const has = (name = '') => scores.some((score) => name in score);
  if (has('wickets')) return [{ head: 'Overs', of: ({ balls } = any) => (balls ? `(${Math.floor(balls / 6)}.${balls % 6})` : '') }];
  const parts = new Set(scores.flatMap(({ parts = {} }) => Object.keys(parts)));
  const shown = has('sets') || (all && !isField(game) && parts.size > 1) ? [...parts].sort((a, b) => +a - +b) : [];
  const extra = [['Pens', 'shootout'], ['Pts', 'points'], ['Thru', 'thru'], ['H', 'hits'], ['E', 'errors'], ['Laps', 'laps']];
  return [
    ...shown.map((head) => ({ head, of: ({ parts } = any) => parts?.[head] })),
    ...extra.slice(0, all ? 6 : 3).filter(([, name]) => has(name))
      .map(([head, name]) => ({ head, of: (score = any) => (name === 'shootout' ? `(${score[name] ?? 0})` : score[name]) })),
  ];
};
