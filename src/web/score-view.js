// How a game is read: pure functions from its document to words and figures. Notes: README.md.

/** @type {any} */
const any = undefined;

/** score-sports.js, where a game needs it. */
let sports = any;
export const learn = ({ sport } = any) => (sports || sport === 'soccer' ? undefined : import('./score-sports.js').then((it) => { sports = it; }));

export const capital = (text = '') => text.charAt(0).toUpperCase() + text.slice(1);

/** Home, away; a field by rank. @returns {any[]} [key, competitor] */
export const sides = ({ competitors = {} } = any) => {
  const place = ([key, { score }] = any) => (key === 'home' ? -2 : key === 'away' ? -1 : score?.rank ?? 1e6 + +key);
  return Object.entries(competitors).sort((a, b) => place(a) - place(b));
};

export const nameOf = ([key, { name, abbr }] = any) => name ?? abbr ?? capital(key);
export const isField = ({ competitors = any ?? {} } = any) => !competitors.home && !competitors.away;

export const figure = (game = any, { score = {} } = any) => sports?.figure(game, score) ?? `${score.sets ?? score.total ?? score.gap ?? score.display ?? ''}`;

export const figureName = (game = any) => sports?.figureName(game) ?? 'Total';

/** @returns {any[]} */
export const columns = (game = any, /** @type {boolean} */ all) => sports?.columns(game, all) ?? [];

export const phase = (game = any, ms = NaN, lang = any) => {
  const { status = 'unknown', sport, period = {}, clock, start } = game;
  const { kind, number, label } = period;
  if (status === 'scheduled' && start) {
    const date = new Date(start);
    const day = any ?? (date.toDateString() === new Date().toDateString() ? {} : { day: 'numeric', month: 'short' });
    const form = any ?? { ...day, hour: '2-digit', minute: '2-digit' };
    try {
      return date.toLocaleString(lang, form);
    } catch { // a page says lang="en_US", which is no language
      return date.toLocaleString(undefined, form);
    }
  }
  if (/final|ended/.test(status)) return `Final${(any ?? { overtime: ' OT', extra: ' after extra time', shootout: ' on penalties' })[kind] ?? ''}`;
  if (status === 'break') return kind === 'half' && number === 1 ? 'Half-time' : 'Break';
  if (!/live|unknown/.test(status)) return capital(status);
  if (kind === 'shootout') return 'Shootout';
  const minute = Math.floor(ms / 6e4);
  if (sport === 'soccer' && minute >= 0) {
    const end = kind === 'half' ? number * 45 : kind === 'extra' ? 90 + number * 15 : 0;
    const added = clock.added_min || (end && Math.max(0, minute - end + 1));
    return added ? `${end || minute}+${added}′` : `${minute + 1}′`;
  }
  const time = minute >= 0 ? ` ${minute}:${`${Math.floor(ms / 1e3) % 60}`.padStart(2, '0')}` : '';
  return ((label ?? sports?.periodName(period) ?? '') + time).trim() || (status === 'live' ? 'Live' : '');
};

/** "Arsenal 2–1 Chelsea"; of a field the first three. */
export const line = (game = any) => {
  const shown = sides(game).map((side) => [nameOf(side), figure(game, side[1])]);
  const [[first, a] = [''], [second, b] = ['']] = shown;
  if (isField(game) || !second) return shown.slice(0, 3).map((side) => side.join(' ').trim()).join(', ');
  return `${first} ${a + b === '' ? 'v' : /\D/.test(a + b) ? `${a} – ${b}` : `${a}–${b}`} ${second}`;
};
