// Prometheus' own checker on the configuration, the rules and the alerts' unit tests.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

import { FOLDER, alerts, records } from './files.mjs';

const promtool = (...args) => execFileSync('promtool', args, { cwd: FOLDER, encoding: 'utf8', stdio: 'pipe' });

test('promtool takes the configuration and the rules', () => {
  promtool('check', 'config', 'prometheus.yml');
  assert.match(promtool('check', 'rules', 'rules.yml'), new RegExp(`${records.length} rules found`));
  assert.match(promtool('check', 'rules', 'alerts.yml'), new RegExp(`${alerts.length} rules found`));
});

test('every alert fires when it should, and only then', () => {
  promtool('test', 'rules', 'alerts_test.yml');
});
