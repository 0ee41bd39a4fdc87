import type { Group } from '../case.ts';
import type { CaseResult, Results } from '../results.ts';
import { summarise } from '../summary.ts';
import type { Summary } from '../summary.ts';
import type { Spread } from '../statistics.ts';
import type { Bar } from './bar-chart.ts';
import { renderBarChart } from './bar-chart.ts';
import { microseconds, milliseconds } from './cells.ts';

/** The charts of the document, by file name. */
export function renderCharts(results: Results): ReadonlyMap<string, string> {
  const charts = new Map<string, string>();
  const add = (name: string, title: string, bars: readonly Bar[], unit: Unit): void => {
    if (bars.length > 0) charts.set(name, renderBarChart({ title, bars, write: UNITS[unit] }));
  };
  const bars = (group: Group, figure: (summary: Summary) => Spread): readonly Bar[] =>
    results.cases
      .filter((each) => each.group === group)
      .flatMap((each) => barOf(each, figure, results.machine.cores));
  const cpu = ({ usPerCall }: Summary): Spread => usPerCall;
  add(CHARTS.httpCpu, 'CPU time per call over HTTP', bars('http', cpu), 'us');
  add(CHARTS.httpLatency, '99th percentile of latency at half load', bars('http', p99), 'ms');
  add(CHARTS.stdioCpu, 'CPU time per call of a stdio server', bars('stdio', cpu), 'us');
  return charts;
}

/** File names. */
export const CHARTS = {
  httpCpu: 'bench-http-cpu.svg',
  httpLatency: 'bench-http-latency.svg',
  stdioCpu: 'bench-stdio-cpu.svg',
} as const;

type Unit = keyof typeof UNITS;

const UNITS = {
  us: (value: number) => `${microseconds(value)} µs`,
  ms: (value: number) => `${milliseconds(value)} ms`,
};

function p99({ quietP99, p99: whole }: Summary): Spread {
  return quietP99 ?? whole;
}

function barOf(each: CaseResult, figure: (summary: Summary) => Spread, cores: number): Bar[] {
  const summary = summarise(each, cores);
  if (summary === null) return [];
  const { median: value, min, max } = figure(summary);
  if (Number.isNaN(value)) return [];
  const range = min === max ? null : { min, max };
  return [{ label: labelOf(each), value, range, ours: each.name.includes('postern') }];
}

/** "The same" needs the row above it. */
function labelOf({ title }: CaseResult): string {
  return title.replace(/^the same, /, 'Postern, ').replace('PQ TLS → PQ TLS', 'PQ TLS');
}
