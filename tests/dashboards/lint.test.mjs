// What makes a dashboard good to read, held by rules; and that dashboards, alerts and runbook say the same.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { alerts, dashboards, named, panels, records, text, yaml } from './files.mjs';

const SOURCE = { type: 'prometheus', uid: '${datasource}' };
const all = (rules) => rules.map(({ expr }) => expr).join('\n');

test('every panel has a title, a description, a unit, and the data source by variable', () => {
  assert.deepEqual(Object.keys(dashboards), ['broker', 'capacity', 'feeds', 'overview']);
  for (const { panel, at } of panels) {
    assert.ok(panel.title && panel.description?.length > 20, at);
    assert.ok(panel.fieldConfig.defaults.unit, `${at}: no unit`);
    assert.deepEqual(panel.datasource, SOURCE, at);
    assert.ok(panel.targets.length > 0, at);
    for (const { datasource, expr, legendFormat } of panel.targets) {
      assert.deepEqual(datasource, SOURCE, at);
      assert.ok(expr && legendFormat, at);
      if (named(expr).some((name) => name !== 'up' && !/:/.test(name))) assert.match(expr, /job=~"\$job",instance=~"\$instance"/, at);
    }
  }
});

test('titles, ids and uids are unique, and panels do not overlap', () => {
  assert.equal(new Set(Object.values(dashboards).map(({ uid }) => uid)).size, 4);
  for (const [name, { panels }] of Object.entries(dashboards)) {
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length, `${name}: an id twice`);
    assert.equal(new Set(panels.map(({ title }) => title)).size, panels.length, `${name}: a title twice`);
    const cells = new Set();
    for (const { title, gridPos: { x, y, w, h } } of panels) {
      assert.ok(x >= 0 && x + w <= 24, `${name} / ${title} is wider than the grid`);
      for (let column = x; column < x + w; column++) {
        for (let line = y; line < y + h; line++) {
          assert.ok(!cells.has(`${column},${line}`), `${name} / ${title} overlaps`);
          cells.add(`${column},${line}`);
        }
      }
    }
  }
});

test('counters are shown as rates, over the interval that Grafana finds fit', () => {
  for (const { panel, at } of panels) {
    for (const { expr } of panel.targets) {
      for (const [whole, before] of expr.matchAll(/(\w+ ?\()?\b[a-z_]+_(?:total|bucket|sum|count)\b/g)) {
        assert.match(before ?? '', /^(rate|increase) ?\($/, `${at}: ${whole} is a raw counter`);
      }
      for (const [, range] of expr.replace(/\{[^}]*\}/g, '').matchAll(/rate\([^[]*\[([^\]]+)\]/g)) assert.equal(range, '$__rate_interval', at);
    }
  }
});

test('variables choose data source, job and instance; deploys are marked', () => {
  for (const [name, { templating, annotations }] of Object.entries(dashboards)) {
    const names = templating.list.map(({ name }) => name);
    for (const wanted of ['datasource', 'job', 'instance', 'runbook']) assert.ok(names.includes(wanted), `${name}: ${wanted}`);
    // All jobs are ours: a Prometheus scrapes others too, which have process_* and up as well.
    assert.equal(templating.list.find(({ name }) => name === 'job').allValue, 'scoreline.*', name);
    assert.ok(annotations.list.some(({ expr }) => /process_start_time_seconds/.test(expr)), name);
  }
});

test('each alert has its panel, whose threshold is the alert’s, its runbook paragraph and its unit tests', () => {
  const readme = text('README.md');
  const tests = yaml('alerts_test.yml').tests;
  for (const { alert, expr, labels, annotations } of alerts) {
    assert.match(labels.severity, /^(page|ticket)$/);
    assert.ok(annotations.summary && annotations.description, alert);
    assert.match(expr, new RegExp(`[<>] ${annotations.threshold.replace('.', '\\.')}\\b`), `${alert}: its threshold is not in its expression`);
    const anchor = '#' + alert.toLowerCase();
    assert.ok(annotations.runbook_url.endsWith('dashboards/README.md' + anchor), alert);
    const [, paragraph] = readme.split(`### ${alert}\n`);
    assert.ok(paragraph?.split('\n### ')[0].length > 150, `${alert} has no runbook paragraph`);

    const shown = panels.filter(({ panel }) => panel.links.some(({ url }) => url.endsWith(anchor)));
    assert.ok(shown.length > 0, `${alert} has no panel`);
    for (const { panel, at } of shown) {
      const steps = panel.fieldConfig.defaults.thresholds.steps.map(({ value }) => value).filter((value) => value !== null);
      assert.deepEqual(steps, [Number(annotations.threshold)], `${at}: its threshold is not that of ${alert}`);
    }

    const asked = tests.flatMap(({ alert_rule_test }) => alert_rule_test).filter(({ alertname }) => alertname === alert);
    assert.ok(asked.some(({ exp_alerts }) => exp_alerts.length > 0), `no test makes ${alert} fire`);
    assert.ok(tests.some(({ name }) => name === `${alert} stays quiet`), `no test keeps ${alert} quiet`);
  }
  const linked = panels.flatMap(({ panel }) => panel.links.map(({ url }) => url.split('#')[1]));
  for (const anchor of linked) assert.ok(alerts.some(({ alert }) => alert.toLowerCase() === anchor), `${anchor} is no alert`);
});

test('each recorded series is used, and each that is used is recorded', () => {
  const recorded = records.map(({ record }) => record);
  const used = named(all(alerts) + '\n' + panels.flatMap(({ panel }) => panel.targets.map(({ expr }) => expr)).join('\n'));
  for (const record of recorded) assert.ok(used.includes(record), `${record} is recorded for nobody`);
  for (const name of used.filter((name) => name.includes(':'))) assert.ok(recorded.includes(name), `${name} is not recorded`);
});
