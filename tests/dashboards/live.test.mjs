// A running service under load, hit by faults, and Prometheus beside it with our rules: every expression that a panel, a rule or
// an alert has is evaluated there, and what only shows in trouble is brought into trouble.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { alerts, dashboards, filled, named, panels, records } from './files.mjs';
import { bench, cable, cleanUp, crowd, freePort, passing, post, prometheus, redis, rude, scoreline, stalled, stop, until } from './service.mjs';

const settings = (port) => `
listen = "127.0.0.1:0"
ops_listen = "127.0.0.1:0"
broker = "redis://127.0.0.1:${port}"
shards = 1
provider = ["acme=acme-key", "stuck=stuck-key", "gone=gone-key", "heir=heir-key"]
[providers.gone]
interval = "300ms"
priority = 1
[providers.heir]
priority = 2
[limits]
connections = 150
heartbeat = "4s"
broker_grace = "1s"
`;

let ask;
let gateways;
let begun;
let playing = true;
const exported = new Set();

/** Says of a game that it goes on; every tenth goal is taken back. */
function play(goal) {
  const total = goal % 10 === 9 ? goal - 2 : goal;
  return { game: 'soccer/eng.1/ars-che', event_at: Date.now() - 20, patch: { status: 'live', competitors: { home: { score: { total } } } } };
}

/** A game that one provider begins and another goes on with. */
const left = (total) => ({ game: 'soccer/eng.1/left', patch: { status: 'live', competitors: { home: { score: { total } } } } });

/** 30 KB of news. */
function long() {
  const keys = Array.from({ length: 30 }, (_, key) => [`k${key}`, `${Math.random()}`.padEnd(1_000, '.')]);
  return { game: 'soccer/eng.1/long', patch: { info: Object.fromEntries(keys) } };
}

const metricsOf = async ({ ops }) => (await fetch(`${ops}/metrics`)).text();
const value = (text, series) => Number(text.split('\n').find((line) => line.startsWith(series + ' '))?.split(' ')[1]);

before(async () => {
  const port = await freePort();
  const server = await redis(port);
  const line = await cable(port); // what the second gateway reaches Redis by
  gateways = [await scoreline('one', settings(port)), await scoreline('two', settings(line.port))];
  const [one, two] = gateways;
  ask = await prometheus(gateways.map(({ ops }) => ops));
  begun = Date.now() / 1000;

  // Load: fans of all speeds who break off and come back, on both gateways; a provider that plays, one that repeats itself.
  bench(one.url, 'acme-key', '--connections', '60', '--rate', '40', '--duration', '14s', '--games', '4', '--burst', '10');
  bench(two.url, 'acme-key', '--connections', '20', '--rate', '10', '--duration', '14s', '--games', '2', '--storms', '2');
  let goal = 0;
  const repeated = { game: 'soccer/esp.1/bar-rma', if_version: 999_999, patch: { status: 'live' } };
  const playAt = async (report) => {
    for (; playing; await sleep(100)) await Promise.allSettled(report());
  };
  const players = [
    playAt(() => [post(one.url, 'acme-key', play(goal++)), post(one.url, 'heir-key', left(goal))]),
    playAt(() => [post(two.url, 'stuck-key', repeated)]),
  ];
  // A leader that falls silent: whoever has its word takes over.
  assert.equal(await post(one.url, 'gone-key', left(1)), 200);
  (await stalled(one.url, 'topics=soccer/eng.1&max_rate=1'))();
  // Fans and providers that are in the wrong.
  for (let time = 0; time < 12; time++) {
    assert.equal(await post(one.url, 'acme-key', '{'), 400);
    assert.equal(await post(one.url, 'acme-key', { game: 'soccer/eng.1/x', patch: { status: 'wild' } }), 422);
    assert.equal(await post(one.url, 'no-key', play(0)), 401);
    await passing(one.url, 'topics=soccer&since=elsewhe0.7');
    await rude(one.url);
    assert.equal((await fetch(`${two.url}/v1/ws`)).status, 426);
    assert.equal((await fetch(`${two.url}/v1/games?topics=soccer`)).status, 200);
    await sleep(300);
  }
  // A fan that does not read, and more news than its socket holds; then it reads, and is caught up.
  let read;
  await until('a fan lags', async () => {
    read = await stalled(one.url, 'topics=soccer/eng.1');
    assert.equal(await post(one.url, 'acme-key', Array.from({ length: 30 }, long)), 200);
    return value(await metricsOf(one), 'scoreline_lagging_connections') > 0;
  });
  await sleep(2_500); // two scrapes
  read();
  await until('it is caught up', async () => value(await metricsOf(one), 'scoreline_lagging_connections') === 0);
  await until('versions are skipped for who asked for one a second', async () => value(await metricsOf(one), 'scoreline_conflated_total') > 0);
  await until('pings are answered', async () => value(await metricsOf(one), 'scoreline_client_rtt_seconds_count') > 0);

  // More connections than there are places.
  const leave = await crowd(two.url, 200);
  await until('some are turned away', async () => value(await metricsOf(two), 'scoreline_connections_refused_total{bound="process"}') > 0);
  await sleep(1_500); // a scrape
  leave();

  // The line of one gateway is cut, while the other goes on.
  line.cut();
  const { targets: [behind] } = panels.find(({ at }) => at === 'broker / Behind the newest gateway').panel;
  await until('one gateway is behind', async () => {
    const { result } = await ask('query', { query: filled(behind.expr) });
    return result.some(({ value: [, publications] }) => Number(publications) > 0);
  });
  line.mend();
  const newest = value(await metricsOf(one), 'scoreline_log_offset');
  await until('it follows', async () => value(await metricsOf(two), 'scoreline_log_offset') >= newest);

  // The log goes away, and comes back without its history.
  await stop(server);
  await until('the gateways know it', async () => {
    const up = await Promise.all(gateways.map(metricsOf));
    return up.every((text) => value(text, 'scoreline_broker_up') === 0);
  });
  await until('the alert waits', async () => {
    const { groups } = await ask('rules');
    const rule = groups.flatMap(({ rules }) => rules).find(({ name }) => name === 'ScorelineBrokerAway');
    return ['pending', 'firing'].includes(rule.state);
  });
  await redis(port);
  await until('the gateways follow anew', async () => {
    const texts = await Promise.all(gateways.map(metricsOf));
    return texts.every((text) => value(text, 'scoreline_broker_reconnects_total') > 0 && value(text, 'scoreline_broker_gaps_total{outcome="reset"}') > 0);
  });
  const applied = goal;
  await until('it plays on', async () => goal > applied + 20);
  await fetch(`${one.url}/v1/updates`, { method: 'POST', headers: { authorization: 'Bearer a-guess' }, body: '{}' });
  // What compares with half a minute ago has something to compare with.
  await until('every rule records', async () => (await ask('query', { query: 'instance:scoreline_log_behind:publications' })).result.length === 2);
  await sleep(3_000); // three scrapes of what came after
  playing = false;
  await Promise.all(players);

  for (const { ops } of gateways) {
    const status = await (await fetch(`${ops}/status.json`)).json();
    assert.deepEqual(status.gateways.map(({ ops }) => `http://${ops}`).sort(), gateways.map(({ ops }) => ops).sort(), 'each knows of both');
    const text = await (await fetch(`${ops}/metrics`)).text();
    for (const [, name] of text.matchAll(/^# TYPE (\S+)/gm)) exported.add(name);
  }
}, { timeout: 180_000 });

after(async () => {
  playing = false;
  await cleanUp();
});

/** The series of an expression over the run. */
async function series(expr) {
  const { result } = await ask('query_range', { query: filled(expr), start: begun, end: Date.now() / 1000, step: 1 });
  return result.map(({ metric, values }) => ({ metric, values: values.map(([, held]) => Number(held)).filter(Number.isFinite) }));
}

test('every expression of every panel shows something, and what shows trouble shows it', async () => {
  const calm = [];
  const faults = [];
  for (const { panel, at } of panels) {
    let moved = false;
    for (const { expr } of panel.targets) {
      const found = (await series(expr).catch((error) => faults.push(`${at}: ${error.message}`) && [])) || [];
      if (!found.some(({ values }) => values.length > 0)) faults.push(`${at}: nothing, of ${expr}`);
      moved ||= found.some(({ values }) => values.some((held) => held !== 0));
    }
    if (!moved) calm.push(at);
  }
  assert.deepEqual(faults, []);
  assert.deepEqual(calm, [], 'these panels showed nothing but 0');
});

test('deploys are marked, variables have values', async () => {
  for (const { annotations, templating } of Object.values(dashboards)) {
    for (const { expr } of annotations.list) await series(expr);
    for (const { type, query } of templating.list) {
      if (type !== 'query') continue;
      const [, match, label] = /^label_values\((.*), (\w+)\)$/.exec(query.query);
      const values = await ask(`label/${label}/values`, { 'match[]': filled(match) });
      assert.ok(values.length > 0, query.query);
    }
  }
});

test('every rule is evaluated without fault, and records something', async () => {
  const { groups } = await ask('rules');
  const rules = groups.flatMap(({ rules }) => rules);
  assert.equal(rules.length, records.length + alerts.length);
  for (const { name, health, lastError } of rules) assert.equal(health, 'ok', `${name}: ${lastError}`);
  for (const { record } of records) assert.ok((await series(record)).some(({ values }) => values.length > 0), `${record} recorded nothing`);
});

test('every metric that is named exists, and every one that exists is shown or watched', () => {
  const plain = (name) => (exported.has(name) ? name : name.replace(/_(bucket|sum|count)$/, ''));
  const annotations = Object.values(dashboards).flatMap(({ annotations }) => annotations.list.map(({ expr }) => expr));
  const expressions = [...panels.flatMap(({ panel }) => panel.targets.map(({ expr }) => expr)), ...annotations, ...records.map(({ expr }) => expr), ...alerts.map(({ expr }) => expr)];
  const used = new Set(expressions.flatMap(named).filter((name) => name !== 'up' && !name.includes(':')).map(plain));
  assert.deepEqual([...used].filter((name) => !exported.has(name)), [], 'named but not exported');
  assert.deepEqual([...exported].filter((name) => !used.has(name)), [], 'exported but on no panel and in no rule');
});

test('no topic is a label, and series are few', async () => {
  for (const gateway of gateways) {
    const lines = (await metricsOf(gateway)).split('\n').filter((line) => line && !line.startsWith('#'));
    assert.ok(lines.length <= 500, `${lines.length} series`);
    assert.ok(!lines.some((line) => /eng\.1|bench/.test(line)));
  }
});
