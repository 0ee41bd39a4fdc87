import type { Group } from '../case.ts';
import { totalMs } from '../processes.ts';
import type { CaseResult, Results } from '../results.ts';
import { caseNamed } from '../results.ts';
import type { Spread } from '../statistics.ts';
import { median } from '../statistics.ts';
import type { Summary } from '../summary.ts';
import { cpuRatio, inverse, scaling, summarise, usableSeconds } from '../summary.ts';
import {
  count,
  latency,
  megabytes,
  microseconds,
  milliseconds,
  NOTHING,
  percent,
  times,
  withSpread,
} from './cells.ts';
import type { Table } from './table.ts';
import { left, right } from './table.ts';

/** The tables of the groups, in the order of the report; empty where nothing of a group was run. */
export const GROUP_TABLES: Readonly<
  Record<Group, { readonly title: string; readonly table: (results: Results) => Table }>
> = {
  http: { title: 'HTTP', table: httpTable },
  stdio: { title: 'stdio', table: stdioTable },
  large: { title: 'Answers of 1 MB', table: largeTable },
  streams: { title: 'Event streams of 100 MB', table: streamTable },
  handshakes: { title: 'Handshakes', table: handshakeTable },
  workers: { title: 'Workers', table: workerTable },
};

/** Calls over HTTP. */
function httpTable(results: Results): Table {
  return tableOf(results, 'http', [
    RATE,
    CORE_USED,
    CPU,
    ['of it kernel', (_each, sum) => microseconds(sum.systemUsPerCall)],
    ['CPU × bare', (each, sum) => ratioTo(results, each.baseline ?? '')(each, sum)],
    ['CPU × nginx', ratioTo(results, 'nginx')],
    ...LATENCIES,
    RSS,
  ]);
}

/** Calls through to a stdio server. */
function stdioTable(results: Results): Table {
  return tableOf(results, 'stdio', [
    RATE,
    CPU,
    ['server’s µs/call', (_each, sum) => microseconds(sum.serverUsPerCall)],
    ['calls/core-s', (_each, sum) => count(1e6 / sum.usPerCall.median)],
    ['× mcp-proxy', ratioTo(results, 'stdio-mcp-proxy', inverse)],
    ['× supergateway', ratioTo(results, 'stdio-supergateway', inverse)],
    ...LATENCIES,
    RSS,
  ]);
}

/** Calls with large answers. */
function largeTable(results: Results): Table {
  return tableOf(results, 'large', [
    RATE,
    CORE_USED,
    CPU,
    ['MB/core-s', (_each, sum) => count(1e6 / sum.usPerCall.median)],
    ['speed × nginx', ratioTo(results, 'large-nginx', inverse)],
    ...LATENCIES,
    RSS,
  ]);
}

/** Long event streams: a "call" is a megabyte. */
function streamTable(results: Results): Table {
  return tableOf(results, 'streams', [
    ['MB/s', (_each, sum) => count(sum.callsPerSecond)],
    CORE_USED,
    ['CPU µs/MB', (_each, sum) => withSpread(sum.usPerCall, microseconds)],
    ['MB/core-s', (_each, sum) => count(1e6 / sum.usPerCall.median)],
    ['speed × pipe', ratioTo(results, 'stream-pipe', inverse)],
    ['generator’s µs/MB', (_each, sum) => microseconds(sum.generatorUsPerCall)],
    RSS,
  ]);
}

/** Connection set-up. */
function handshakeTable(results: Results): Table {
  return tableOf(results, 'handshakes', [
    ['handshakes/s', (_each, sum) => count(sum.callsPerSecond)],
    CORE_USED,
    ['CPU µs/handshake', (_each, sum) => withSpread(sum.usPerCall, microseconds)],
    ['CPU × bare', ratioTo(results, 'handshakes-bare')],
    ['p50 ms', (_each, sum) => milliseconds(sum.p50)],
    ['p99 ms', (_each, sum) => withSpread(sum.p99, milliseconds)],
  ]);
}

/** The same load on one worker and on several. */
function workerTable(results: Results): Table {
  const { cores } = results.machine;
  const loadShare = (each: CaseResult): string =>
    percent(
      median(
        each.rounds.map(({ report: { closed } }) => {
          const load = totalMs(closed.cpu.generator) + totalMs(closed.cpu.upstream);
          return load / (closed.seconds * 1000);
        }),
      ),
    );
  const usable = (each: CaseResult): string =>
    times(
      median(each.rounds.map((round) => usableSeconds(round, cores) / round.report.closed.seconds)),
    );
  return tableOf(results, 'workers', [
    RATE,
    CPU,
    ['cores used', (_each, sum) => times(sum.coreShare)],
    ['cores left to it', (each) => usable(each)],
    ['load’s share of a core', (each) => loadShare(each)],
    [
      'calls × one worker',
      (each) => withSpread(scaling(each, caseNamed(results, 'workers-1'), cores), times),
    ],
    ...LATENCIES,
    RSS,
  ]);
}

type Cell = readonly [string, (each: CaseResult, summary: Summary) => string];

const RATE: Cell = ['calls/s', (_each, sum) => count(sum.callsPerSecond)];
const CORE_USED: Cell = ['core used', (_each, sum) => percent(sum.coreShare)];
const CPU: Cell = ['CPU µs/call', (_each, sum) => withSpread(sum.usPerCall, microseconds)];
const RSS: Cell = ['peak RSS', (_each, sum) => megabytes(sum.peakRss)];
const LATENCIES: readonly Cell[] = [
  ['at calls/s', (_each, sum) => (sum.openRate === null ? 'closed loop' : count(sum.openRate))],
  ['p50 ms', (_each, sum) => latency(sum.p50)],
  ['p99 ms', (_each, sum) => withSpread(sum.p99, latency)],
  ['undisturbed', (_each, sum) => withSpread(sum.quietP99, latency)],
  ['p99.9 ms', (_each, sum) => latency(sum.p999)],
];

function ratioTo(
  results: Results,
  name: string,
  turned: (ratio: Spread) => Spread = (ratio) => ratio,
): Cell[1] {
  return (each) => {
    const ratio = cpuRatio(each, caseNamed(results, name));
    return withSpread(ratio && turned(ratio), times);
  };
}

function tableOf(results: Results, group: Group, cells: readonly Cell[]): Table {
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
