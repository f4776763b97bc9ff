// The files of dashboards/, and what of them the tests look at.

import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { load } from 'js-yaml';

export const FOLDER = fileURLToPath(new URL('../../dashboards/', import.meta.url));

export const text = (name) => readFileSync(FOLDER + name, 'utf8');
export const yaml = (name) => load(text(name));

/** { overview: {…}, … } */
export const dashboards = Object.fromEntries(
  readdirSync(FOLDER + 'grafana').sort().map((file) => [file.replace(/\.json$/, ''), JSON.parse(text('grafana/' + file))]),
);

/** Every panel that shows something, with its dashboard's name. */
export const panels = Object.entries(dashboards).flatMap(([name, { panels }]) =>
  panels.filter(({ type }) => type !== 'row').map((panel) => ({ name, panel, at: `${name} / ${panel.title}` })),
);

const groups = (name) => yaml(name).groups.flatMap(({ rules }) => rules);
export const records = groups('rules.yml');
export const alerts = groups('alerts.yml');

/** The names of metrics (also of a histogram's parts, and of recorded ones) in an expression. */
export function named(expression) {
  const bare = expression.replace(/"[^"]*"/g, '""').replace(/\{[^}]*\}/g, '{}').replace(/\b(by|on|without|ignoring|group_left|group_right) ?\([^)]*\)/g, '');
  return [...bare.matchAll(/\b[a-z_]+(?::[a-z_0-9]+)+|\b(?:scoreline|process|tokio)_[a-z_]+|\bup\b/g)].map(([name]) => name);
}

/** What a variable stands for where all is chosen. */
const everything = Object.fromEntries(Object.values(dashboards).flatMap(({ templating }) => templating.list).map(({ name, allValue }) => [name, allValue]));

/** An expression with Grafana's variables replaced as Grafana would. */
export const filled = (expression, interval = '15s') =>
  expression.replaceAll('$__rate_interval', interval).replace(/\$(job|instance|provider)\b/g, (_, name) => everything[name]);
