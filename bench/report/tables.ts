import type { CaseResult, Results, Summary } from '../results.ts';
import { cpuRatio, summarise } from '../results.ts';

/** One table, as text: its columns and rows. */
export interface Table {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
}

export interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
}

/** Calls over HTTP. */
export function httpTable(results: Results): Table {
  return tableOf(results, 'http', [
    ['calls/s', (_each, sum) => count(sum.callsPerSecond)],
    ['core used', (_each, sum) => percent(sum.coreShare)],
    ['CPU µs/call', (_each, sum) => microseconds(sum.usPerCall)],
    ['of it kernel', (_each, sum) => microseconds(sum.systemUsPerCall)],
    ['CPU × bare PQ', (each) => ratio(each, results, 'direct-pq')],
    ['CPU × nginx', (each) => ratio(each, results, 'nginx')],
    ...latencyColumns(),
    ['peak RSS', (_each, sum) => megabytes(sum.peakRss)],
  ]);
}

/** Calls through to a stdio server. */
export function stdioTable(results: Results): Table {
  return tableOf(results, 'stdio', [
    ['calls/s', (_each, sum) => count(sum.callsPerSecond)],
    ['CPU µs/call', (_each, sum) => microseconds(sum.usPerCall)],
    ['server’s µs/call', (_each, sum) => microseconds(sum.serverUsPerCall)],
    ['calls/core-s', (_each, sum) => count(1e6 / sum.usPerCall)],
    ['× mcp-proxy', (each) => inverseRatio(each, results, 'stdio-mcp-proxy')],
    ['× supergateway', (each) => inverseRatio(each, results, 'stdio-supergateway')],
    ...latencyColumns(),
    ['peak RSS', (_each, sum) => megabytes(sum.peakRss)],
  ]);
}

/** Connection set-up. */
export function handshakeTable(results: Results): Table {
  return tableOf(results, 'handshakes', [
    ['handshakes/s', (_each, sum) => count(sum.callsPerSecond)],
    ['core used', (_each, sum) => percent(sum.coreShare)],
    ['CPU µs/handshake', (_each, sum) => microseconds(sum.usPerCall)],
    ['CPU × bare', (each) => ratio(each, results, 'handshakes-bare')],
    ['p50 ms', (_each, sum) => milliseconds(sum.p50)],
    ['p99 ms', (_each, sum) => milliseconds(sum.p99)],
  ]);
}

/** Where a profiled case spends its time; microseconds are those of the runs without profiler. */
export function breakdownTable(results: Results, name: string): Table {
  const profile = results.profiles.find((each) => each.name === name);
  const one = results.cases.find((each) => each.name === name);
  const usPerCall = (one && summarise(one, results.machine.cores)?.usPerCall) ?? Number.NaN;
  const places = profile?.breakdown.places ?? [];
  const shown = places.filter(({ share }) => share >= SMALLEST_SHARE);
  const rest = 1 - shown.reduce((sum, { share }) => sum + share, 0);
  const rows = [...shown, { name: 'the rest', share: rest }].map((place) => [
    place.name,
    percent(place.share),
    microseconds(place.share * usPerCall),
  ]);
  return { columns: [left('where'), right('share'), right('≈ µs/call')], rows };
}

/** A table with its columns aligned by spaces, for terminals and as Markdown. */
export function renderTable(table: Table): string {
  const titles = table.columns.map(({ title }) => title);
  const widths = titles.map((title, index) =>
    Math.max(3, title.length, ...table.rows.map((row) => row[index]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, index) => pad(cell, widths[index] ?? 0, table.columns[index])).join(' | ')} |`;
  const rule = widths.map((width, index) =>
    table.columns[index]?.align === 'right' ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width),
  );
  return [line(titles), line(rule), ...table.rows.map((row) => line(row))].join('\n');
}

type Cell = readonly [string, (each: CaseResult, summary: Summary) => string];

const SMALLEST_SHARE = 0.005;
const NOTHING = '–';

function tableOf(results: Results, group: CaseResult['group'], cells: readonly Cell[]): Table {
  const rows = results.cases
    .filter((each) => each.group === group)
    .map((each) => rowOf(each, summarise(each, results.machine.cores), cells));
  return { columns: [left('case'), ...cells.map(([title]) => right(title))], rows };
}

function rowOf(each: CaseResult, summary: Summary | null, cells: readonly Cell[]): string[] {
  if (summary === null) {
    const why = each.skipped === null ? 'failed' : 'skipped';
    return [`${each.title} (${why})`, ...cells.map(() => NOTHING)];
  }
  const title = summary.errors > 0 ? `${each.title} (${summary.errors} errors)` : each.title;
  return [title, ...cells.map(([, cell]) => cell(each, summary))];
}

function latencyColumns(): Cell[] {
  return [
    ['at calls/s', (_each, sum) => (sum.openRate === null ? 'closed loop' : count(sum.openRate))],
    ['p50 ms', (_each, sum) => milliseconds(sum.p50)],
    ['p99 ms', (_each, sum) => milliseconds(sum.p99)],
    ['p99.9 ms', (_each, sum) => milliseconds(sum.p999)],
  ];
}

function ratio(each: CaseResult, results: Results, name: string): string {
  const value = cpuRatio(
    each,
    results.cases.find((other) => other.name === name),
  );
  return value === null ? NOTHING : value.toFixed(2);
}

function inverseRatio(each: CaseResult, results: Results, name: string): string {
  const value = cpuRatio(
    each,
    results.cases.find((other) => other.name === name),
  );
  return value === null ? NOTHING : (1 / value).toFixed(2);
}

function pad(cell: string, width: number, column: Column | undefined): string {
  return column?.align === 'right' ? cell.padStart(width) : cell.padEnd(width);
}

function left(title: string): Column {
  return { title, align: 'left' };
}

function right(title: string): Column {
  return { title, align: 'right' };
}

function count(value: number): string {
  return Number.isFinite(value) ? String(Math.round(value)) : NOTHING;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}

function microseconds(value: number): string {
  return Number.isFinite(value) ? value.toFixed(value < 10 ? 1 : 0) : NOTHING;
}

function milliseconds(us: number): string {
  return (us / 1000).toFixed(2);
}

function megabytes(bytes: number): string {
  return bytes > 0 ? `${Math.round(bytes / 1e6)} MB` : NOTHING;
}
