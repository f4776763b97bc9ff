// How games are read: phases, figures, lines and sentences, sport by sport.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { columns, figure, figureName, learn, line, phase, sides } from '../../src/web/score-view.js';
import { correctionOf, scorers, sentence } from '../../src/web/score-words.js';

await learn({ sport: '*' });

const match = (home, away, more = {}) => ({ competitors: { home: { name: 'Arsenal', score: home }, away: { name: 'Chelsea', score: away } }, ...more });

test('phase: what a fan would say', () => {
  const minutes = (m) => m * 60_000;
  const soccer = (period, ms, clock = {}) => phase({ sport: 'soccer', status: 'live', period: { kind: 'half', ...period }, clock }, ms);
  assert.equal(soccer({ number: 1 }, minutes(0)), '1′');
  assert.equal(soccer({ number: 2 }, minutes(60.5)), '61′');
  assert.equal(soccer({ number: 1 }, minutes(47.5)), '45+3′');
  assert.equal(soccer({ number: 2 }, minutes(89), { added_min: 4 }), '90+4′');
  const live = (period, ms, sport) => phase({ status: 'live', sport, period }, ms);
  assert.equal(live({ kind: 'quarter', number: 3 }, 245_000), 'Q3 4:05');
  assert.equal(live({ kind: 'overtime', number: 5 }, 63_000), 'OT 1:03');
  assert.equal(live({ kind: 'inning', number: 8, half: 'bottom' }), 'Bottom 8th');
  assert.equal(live({ kind: 'inning', number: 11, half: 'top' }), 'Top 11th');
  assert.equal(live({ kind: 'set', number: 2 }), 'Set 2');
  assert.equal(live({ kind: 'lap', number: 15, of: 24 }), 'Lap 15/24');
  assert.equal(live({ kind: 'half', number: 2 }, 1_800_000, 'handball'), '2nd half 30:00');
  assert.equal(live({ kind: 'shootout' }, 7_200_000, 'soccer'), 'Shootout');
  assert.equal(live({ label: 'Chukka 3' }), 'Chukka 3');
  assert.equal(live(undefined), 'Live');
  assert.equal(phase({ status: 'break', period: { kind: 'half', number: 1 } }), 'Half-time');
  assert.equal(phase({ status: 'final', period: { kind: 'overtime' } }), 'Final OT');
  assert.equal(phase({ status: 'postponed' }), 'Postponed');
  const start = '2031-12-24T15:00:00Z';
  assert.match(phase({ status: 'scheduled', start }, NaN, 'de'), /24\. Dez/);
  assert.match(phase({ status: 'scheduled', start }, NaN, 'en_US'), /24/, 'what is no language does no harm');
});

test('figures and lines', () => {
  assert.equal(line(match({ total: 2 }, { total: 1 })), 'Arsenal 2–1 Chelsea');
  assert.equal(line(match({ total: 0 }, { total: 0 })), 'Arsenal 0–0 Chelsea');
  assert.equal(line(match(undefined, undefined)), 'Arsenal v Chelsea');
  assert.equal(line(match({ total: 166, wickets: 5, balls: 120 }, { total: 0, wickets: 0, balls: 0, display: 'yet to bat' })), 'Arsenal 166/5 – yet to bat Chelsea');
  assert.equal(line({}), '');
  assert.deepEqual([-7, 0, 3].map((total) => figure({ sport: 'golf' }, { score: { total } })), ['−7', 'E', '+3']);
  const race = { competitors: { 7: { name: 'Ada', score: { rank: 2, gap: '+1.2' } }, 9: { name: 'Bea', score: { rank: 1, gap: 'leader' } }, 3: { name: 'Cem' } } };
  assert.deepEqual(sides(race).map(([key]) => key), ['9', '7', '3']);
  assert.equal(line(race), 'Bea leader, Ada +1.2, Cem');
  const golf = { sport: 'golf', competitors: { 1: { score: { total: -3 } } } };
  assert.deepEqual([race, golf, match({ sets: 1 }, {}), match({ total: 1 }, {})].map(figureName), ['Gap', 'To par', 'Sets', 'Total']);
});

test('columns: only what the sport has', () => {
  const shown = (game, all) => columns(game, all).map(({ head }) => head).join(' ');
  assert.equal(shown(match({ total: 1, parts: { 1: 1, 2: 0 } }, { total: 0 }), true), '1 2');
  assert.equal(shown(match({ total: 1, parts: { 1: 1, 2: 0 } }, { total: 0 }), false), '');
  assert.equal(shown(match({ sets: 1, points: 'AD', parts: { 1: 6 } }, {}), false), '1 Pts');
  assert.equal(shown(match({ total: 1, shootout: 4 }, { total: 1, shootout: 3 }), false), 'Pens');
  assert.equal(shown(match({ total: 4, hits: 8, errors: 1, parts: { 1: 0, 2: 1, 10: 3 } }, {}), true), '1 2 10 H E');
});

test('sentences: scores and corrections, nothing else', () => {
  const [before, game] = [match({ total: 1, parts: { 1: 1 } }, { total: 1 }), match({ total: 2, parts: { 1: 2 } }, { total: 1 })];
  assert.deepEqual(scorers({ before, game }), ['home']);
  assert.equal(sentence({ before, game }, '61′'), 'Arsenal 2–1 Chelsea, 61′.');
  assert.equal(sentence({ before: game, game: { ...game, status: 'break' } }), '');
  assert.equal(sentence({ game }), '', 'a game that is new here');
  assert.deepEqual(scorers({ before: match(undefined, {}), game: match({ total: 0 }, { total: 0 }) }), [], 'kick-off is no score');
  const correction = { reason: 'score_decreased', before: { home: 2, away: 1 }, after: { home: 1, away: 1 } };
  const back = { ...before, correction };
  assert.equal(sentence({ before: game, game: back, correction }), 'Correction: score taken back. Arsenal 1–1 Chelsea.');
  assert.deepEqual(correctionOf(back), { shown: '2–1', word: 'score taken back' });
  const voided = { ...before, incidents: { g7: { type: 'goal' } }, correction: { reason: 'incident_void', incident: 'g7' } };
  assert.deepEqual(correctionOf(voided), { shown: '', word: 'goal ruled out' });
});
