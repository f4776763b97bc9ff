// The dashboards against Grafana's own schema: the types of npm's @grafana/schema, walked by TypeScript's checker, so that
// a field of a wrong type, an unknown one, or a value that an enum does not have is found. A type that the schema leaves
// open (Record<string, unknown>, any) takes everything; panels' options and fields are checked against their own types.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import ts from 'typescript';

import { dashboards, panels } from './files.mjs';

const RAW = join(dirname(fileURLToPath(import.meta.url)), 'node_modules/@grafana/schema/dist/types/raw');
const PANELS = ['timeseries', 'stat', 'bargauge'];

const source = [
  `import type * as dashboard from '${RAW}/dashboard/x/types.gen';`,
  ...PANELS.map((type) => `import type * as ${type} from '${RAW}/composable/${type}/panelcfg/x/types.gen';`),
  'export type Dashboard = dashboard.Dashboard; export type Panel = dashboard.Panel; export type Row = dashboard.RowPanel;',
  ...PANELS.map((type) => `export type ${type}Options = ${type}.Options;`),
  'export type timeseriesCustom = timeseries.FieldConfig;',
].join('\n');

const options = { strict: true, skipLibCheck: true, moduleResolution: ts.ModuleResolutionKind.Bundler, module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ESNext };
const host = ts.createCompilerHost(options);
const { readFile, fileExists, getSourceFile } = host;
const ROOT = join(RAW, 'wanted.ts');
host.fileExists = (file) => file === ROOT || fileExists(file);
host.readFile = (file) => (file === ROOT ? source : readFile(file));
host.getSourceFile = (file, ...more) => (file === ROOT ? ts.createSourceFile(file, source, options.target, true) : getSourceFile(file, ...more));
const program = ts.createProgram([ROOT], options, host);
const checker = program.getTypeChecker();
const wanted = Object.fromEntries(
  checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(ROOT))).map((symbol) => [symbol.name, checker.getDeclaredTypeOfSymbol(symbol)]),
);

/** The faults of a value under a type, each with its path. */
function faults(value, type, path) {
  const { flags } = type;
  if (flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) return [];
  if (type.isUnion()) {
    const each = type.types.filter(({ flags }) => !(flags & ts.TypeFlags.Undefined)).map((one) => faults(value, one, path));
    return each.some((one) => one.length === 0) ? [] : each.reduce((a, b) => (deepest(b) > deepest(a) ? b : a));
  }
  if (type.isIntersection()) return type.types.flatMap((one) => faults(value, one, path));
  if (flags & ts.TypeFlags.Null) return value === null ? [] : [`${path}: not null`];
  if (flags & ts.TypeFlags.Undefined) return value === undefined ? [] : [`${path}: there`];
  if (flags & (ts.TypeFlags.StringLiteral | ts.TypeFlags.NumberLiteral)) return value === type.value ? [] : [`${path}: ${JSON.stringify(value)} is not ${JSON.stringify(type.value)}`];
  if (flags & ts.TypeFlags.BooleanLiteral) return String(value) === checker.typeToString(type) ? [] : [`${path}: ${value}`];
  for (const [flag, name] of [[ts.TypeFlags.String, 'string'], [ts.TypeFlags.Number, 'number'], [ts.TypeFlags.Boolean, 'boolean']]) {
    if (flags & flag) return typeof value === name ? [] : [`${path}: ${JSON.stringify(value)} is no ${name}`];
  }
  if (checker.isArrayType(type)) {
    if (!Array.isArray(value)) return [`${path}: no array`];
    const [item] = checker.getTypeArguments(type);
    return value.flatMap((one, place) => faults(one, item, `${path}[${place}]`));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path}: ${JSON.stringify(value)} is no object`];
  const found = [];
  for (const property of checker.getPropertiesOfType(type)) {
    const held = value[property.name];
    if (held === undefined) {
      if (!(property.flags & ts.SymbolFlags.Optional)) found.push(`${path}.${property.name}: missing`);
    } else found.push(...faults(held, checker.getTypeOfSymbol(property), `${path}.${property.name}`));
  }
  const index = checker.getIndexTypeOfType(type, ts.IndexKind.String);
  for (const [name, held] of Object.entries(value)) {
    if (checker.getPropertyOfType(type, name)) continue;
    if (index) found.push(...faults(held, index, `${path}.${name}`));
    else found.push(`${path}.${name}: unknown`);
  }
  return found;
}

const deepest = (found) => Math.max(...found.map((fault) => fault.split(/[.[]/).length));

test('the checker finds what is wrong', () => {
  const good = dashboards.overview;
  for (const [change, fault] of [
    [{ title: 7 }, /\.title: 7 is no string/],
    [{ panles: [] }, /\.panles: unknown/],
    [{ graphTooltip: 9 }, /\.graphTooltip: 9 is not/],
    [{ schemaVersion: undefined }, /\.schemaVersion: missing/],
  ]) {
    assert.match(faults({ ...good, ...change }, wanted.Dashboard, 'overview').join('\n'), fault);
  }
  const [{ panel }] = panels;
  const broken = { ...panel, fieldConfig: { ...panel.fieldConfig, defaults: { thresholds: { mode: 'rough', steps: [] } } } };
  assert.match(faults(broken, wanted.Panel, 'panel').join('\n'), /thresholds\.mode: "rough"/);
  assert.match(faults({ drawStyle: 'dots' }, wanted.timeseriesCustom, 'custom').join('\n'), /drawStyle: "dots"/);
});

for (const [name, dashboard] of Object.entries(dashboards)) {
  test(`${name}.json is a dashboard`, () => {
    // What an annotation asks of Prometheus is the data source's own and not in the schema.
    const list = dashboard.annotations.list.map(({ expr, step, titleFormat, ...annotation }) => annotation);
    assert.deepEqual(faults({ ...dashboard, annotations: { list } }, wanted.Dashboard, name), []);
    for (const panel of dashboard.panels) {
      const at = `${name} / ${panel.title}`;
      if (panel.type === 'row') {
        assert.deepEqual(faults(panel, wanted.Row, at), []);
        continue;
      }
      assert.deepEqual(faults(panel, wanted.Panel, at), []);
      assert.ok(wanted[panel.type + 'Options'], `${at}: ${panel.type} has no schema here`);
      const required = faults(panel.options, wanted[panel.type + 'Options'], at).filter((fault) => !/: missing$/.test(fault));
      assert.deepEqual(required, []); // Grafana fills in what is missing
      if (panel.type === 'timeseries') assert.deepEqual(faults(panel.fieldConfig.defaults.custom, wanted.timeseriesCustom, at), []);
    }
  });
}
