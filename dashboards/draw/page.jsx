// Lays a dashboard's panels out as Grafana does, and draws each with Grafana's own component for it. `window.pictured` is
// the dashboard, with what Prometheus answered beside each target.

import { FieldType, createTheme, dateTime, getDisplayProcessor, reduceField } from '@grafana/data';
import { BarGauge, BigValue, BigValueColorMode, BigValueGraphMode, GlobalStyles, PanelChrome, ThemeContext, TimeSeries } from '@grafana/ui';
import { createRoot } from 'react-dom/client';

const theme = createTheme({ colors: { mode: 'dark' } });

const CELL = 30;
const GAP = 8;
const COLUMN = 1440 / 24;
const { dashboard, from, to } = window.pictured;

const legend = (format, labels) => format.replace(/\{\{(\w+)\}\}/g, (_, label) => labels[label] ?? '');

const range = (held) => {
  const [min, max] = [Math.min(...held), Math.max(...held)];
  return { min, max, delta: max - min };
};

/** A target's answer as Grafana holds data: a frame for each series, its field configured as the panel says. */
function frames(panel) {
  const answers = panel.targets.flatMap(({ legendFormat, refId, answer }) => answer.map((one) => ({ ...one, refId, name: legend(legendFormat, one.metric) })));
  return answers.map(({ metric, values, refId, name }, seriesIndex) => {
    const time = { name: 'Time', type: FieldType.time, config: {}, values: values.map(([at]) => at * 1000) };
    const held = values.map(([, text]) => (Number.isFinite(Number(text)) ? Number(text) : null));
    const value = { name: 'Value', type: FieldType.number, labels: metric, values: held, config: { ...panel.fieldConfig.defaults, displayName: name }, state: { seriesIndex, displayName: name, range: range(held) } };
    value.display = getDisplayProcessor({ field: value, theme, timeZone: 'utc' });
    time.display = getDisplayProcessor({ field: time, theme, timeZone: 'utc' });
    return { refId, length: values.length, fields: [time, value] };
  });
}

const last = (field) => ({ ...field.display(reduceField({ field, reducers: ['lastNotNull'] }).lastNotNull), title: field.config.displayName });

function Drawn({ panel, width, height }) {
  const data = frames(panel);
  const fields = data.map(({ fields }) => fields[1]);
  if (panel.type === 'timeseries') {
    const timeRange = { from: dateTime(from), to: dateTime(to), raw: { from: dateTime(from), to: dateTime(to) } };
    return (
      <TimeSeries frames={data} timeRange={timeRange} timeZone="utc" width={width} height={height} theme={theme} structureRev={1}
        legend={{ ...panel.options.legend }} />
    );
  }
  const wide = width / Math.max(1, fields.length);
  return (
    <div style={{ display: 'flex', flexDirection: panel.type === 'bargauge' ? 'column' : 'row' }}>
      {fields.map((field, place) => {
        const value = last(field);
        const several = fields.length > 1;
        if (panel.type === 'bargauge') return <BarGauge key={place} field={field.config} value={value} display={field.display} width={width} height={Math.min(60, height / fields.length)} orientation="horizontal" displayMode="basic" theme={theme} itemSpacing={8} lcdCellWidth={12} />;
        return <BigValue key={place} value={several ? value : { ...value, title: undefined }} width={wide} height={height} colorMode={BigValueColorMode.Value} graphMode={BigValueGraphMode.Area}
          sparkline={{ y: field, x: data[place].fields[0] }} theme={theme} />;
      })}
    </div>
  );
}

function Row({ title }) {
  return <h2 style={{ font: '500 16px Inter, Helvetica, Arial, sans-serif', color: theme.colors.text.primary, margin: '4px 0 0' }}>{title}</h2>;
}

const height = Math.max(...dashboard.panels.map(({ gridPos }) => gridPos.y + gridPos.h)) * CELL;
createRoot(document.getElementById('root')).render(
  <ThemeContext.Provider value={theme}>
    <GlobalStyles />
    <h1 style={{ font: '500 20px Inter, Helvetica, Arial, sans-serif', color: theme.colors.text.primary, margin: 0, height: 36 }}>{dashboard.title}</h1>
    <div style={{ position: 'relative', width: 1440, height }}>
      {dashboard.panels.map((panel) => {
        const { x, y, w, h } = panel.gridPos;
        const [width, tall] = [w * COLUMN - GAP, h * CELL - GAP];
        return (
          <div key={panel.id} style={{ position: 'absolute', left: x * COLUMN, top: y * CELL, width, height: tall }}>
            {panel.type === 'row' ? <Row title={panel.title} /> : (
              <PanelChrome title={panel.title} width={width} height={tall}>{(innerWidth, innerHeight) => <Drawn panel={panel} width={innerWidth} height={innerHeight} />}</PanelChrome>
            )}
          </div>
        );
      })}
    </div>
  </ThemeContext.Provider>,
);
