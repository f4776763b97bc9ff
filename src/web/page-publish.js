// The demo's buttons: publish a goal as a provider would, and take it back as a referee would.

import { line } from './score-view.js';

/** @typedef {any} Any */

const $ = (/** @type {string} */ id) => /** @type {Any} */ (document.getElementById(id));
const GOAL_SPORTS = ['soccer', 'hockey', 'handball'];

/** One report to the publishing route. @returns {Promise<Any>} its result */
async function post(/** @type {Any} */ report) {
  const response = await fetch('/v1/updates', {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer demo' },
    body: JSON.stringify(report),
  });
  const result = await response.json();
  if (!result.applied) throw new Error(result.detail ?? result.title ?? result.reason ?? `HTTP ${response.status}`);
  return result;
}

const totals = (/** @type {Any} */ game, /** @type {string} */ side, /** @type {number} */ by) => {
  const { total = 0, parts } = game.competitors[side].score ?? {};
  const period = game.period?.number;
  const part = parts && period ? { parts: { [period]: (parts[period] ?? 0) + by } } : {};
  return { [side]: { score: { total: total + by, ...part } } };
};

/** A live game to score in, other than the last time where there is a choice. */
function pick(/** @type {Any} */ live, /** @type {string | undefined} */ last) {
  const playing = [...live.games].filter(([, game]) => game.status === 'live' && game.competitors?.home && game.competitors?.away);
  for (const sport of GOAL_SPORTS) {
    const here = playing.filter(([topic]) => topic.startsWith(`${sport}/`));
    const others = here.filter(([topic]) => topic !== last);
    const among = others.length ? others : here;
    if (among.length) return among[Math.floor(Math.random() * among.length)];
  }
  return undefined;
}

export function offerGoals(/** @type {Any} */ live) {
  /** The goal that may be taken back. @type {Any} */
  let last;
  const say = (/** @type {string} */ text) => { $('published').textContent = text; };
  const doing = (/** @type {() => Promise<void>} */ work) => async () => {
    try {
      await work();
    } catch (error) {
      say(`Not published: ${/** @type {Error} */ (error).message}`);
    }
  };
  $('publish').hidden = false;

  $('goal').addEventListener('click', doing(async () => {
    const picked = pick(live, last?.topic);
    if (!picked) return say('No game is being played just now; the next match day begins in a moment.');
    const [topic, game] = picked;
    const side = Math.random() < 0.5 ? 'home' : 'away';
    const id = `you-${Date.now().toString(36)}`;
    const minute = game.sport === 'soccer' ? Math.floor(live.clockNow(game) / 60_000) + 1 : NaN;
    const incident = {
      order: Math.max(0, ...Object.values(game.incidents ?? {}).map((/** @type {Any} */ { order }) => order ?? 0)) + 1,
      type: 'goal', status: 'provisional', side, athlete: 'You', text: 'Published from this page',
      ...(game.period?.number && { period: game.period.number }), ...(minute > 0 && { minute }),
    };
    await post({ game: topic, id, patch: { competitors: totals(game, side, 1), incidents: { [id]: incident } } });
    last = { topic, side, id };
    $('void').hidden = false;
    say(`Goal for ${game.competitors[side].name ?? side}.`);
    document.querySelector(`[data-topic="${CSS.escape(topic)}"]`)?.scrollIntoView({ block: 'nearest', behavior: 'auto' });
  }));

  $('void').addEventListener('click', doing(async () => {
    const { topic, side, id } = last;
    const game = live.games.get(topic);
    if (!game) return say('That game is gone.');
    await post({ game: topic, id: `${id}-void`, patch: { competitors: totals(game, side, -1), incidents: { [id]: { status: 'void' } } } });
    $('void').hidden = true;
    say(`Ruled out: ${line(live.games.get(topic))}.`);
  }));
}
