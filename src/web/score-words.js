// What is said when a score changes or is taken back; loaded with the first change.

import { capital, isField, line, sides } from './score-view.js';

/** @type {any} */
const any = undefined;

const COUNTS = ['total', 'sets', 'wickets', 'shootout'];

/** Whose score changed: the keys of the competitors. @returns {string[]} */
export const scorers = ({ game, before } = any) => {
  const leads = (score = any) => score?.rank === 1;
  return before ? sides(game).filter(([key, { score }]) => {
    const held = before.competitors?.[key]?.score;
    const counts = COUNTS.some((count) => (score?.[count] ?? 0) !== (held?.[count] ?? 0));
    // Of a field only who takes the lead is news.
    return isField(game) ? leads(score) && !leads(held) : counts;
  }).map(([key]) => key) : [];
};

const TAKEN_BACK = any ?? ({ score_decreased: 'score taken back', side_swapped: 'given to the other side', status_reverted: 'status taken back', final_reopened: 'final reopened', incident_void: 'ruled out' });

/** "Correction: score taken back", and the score that was shown. */
export const correctionOf = ({ correction, ...game } = any) => {
  if (!correction) return;
  const { reason, before = {}, incident } = correction;
  const old = before.home ?? before.away ?? before[1];
  const what = game.incidents?.[incident]?.type;
  return { shown: old === undefined ? '' : sides(game).map(([key]) => before[key]).join('–'), word: `${what ? `${what} ` : ''}${TAKEN_BACK[reason] ?? 'corrected'}` };
};

/** What is spoken of a change: one sentence, or nothing. */
export const sentence = (change = any, place = '') => {
  const { game, correction } = change;
  const taken = correction && correctionOf(game);
  if (!taken && !scorers(change).length) return '';
  return `${taken ? `Correction: ${taken.word}. ` : ''}${line(game)}${place && `, ${place}`}.`;
};

/** How long a correction is shown, ms. */
const RECENT = 600_000;

/** What was taken back lately: { shown: the old score, word }. */
export const takenBack = (game = any, /** @type {any} */ live) => {
  const taken = correctionOf(game);
  const age = taken && live.clockNow({ status: 'live', clock: { mode: 'up', ms: 0, at: game.correction.at } });
  return taken && age < RECENT ? { ...taken, word: capital(taken.word) } : undefined;
};
