import type { Results } from '../results.ts';
import { caseNamed } from '../results.ts';
import type { Spread } from '../statistics.ts';
import type { Summary } from '../summary.ts';
import { cpuRatio, inverse, scaling, summarise } from '../summary.ts';
import { count, milliseconds, NOTHING, times, withSpread } from './cells.ts';
import type { Table } from './table.ts';
import { left, right } from './table.ts';

/** What Postern set out to reach, and whether this run shows it. */
interface Goal {
  readonly what: string;
  /** What is measured, for the column of the same name. */
  readonly measure: string;
  readonly bound: { readonly at: 'most' | 'least'; readonly value: number };
  readonly write: (value: number) => string;
  /** `null` when this run has no such figure. */
  readonly measured: (results: Results) => Spread | null;
}

/** How the figures call what Postern is compared with. */
const OTHERS: Readonly<Record<string, string>> = {
  'direct-pq': 'bare node:https',
  nginx: 'nginx',
  'stdio-mcp-proxy': 'mcp-proxy',
  'stdio-supergateway': 'supergateway',
  'stream-pipe': 'bare TLS pipe',
  'large-nginx': 'nginx',
  'handshakes-bare': 'bare listener',
};

const MAIN = 'postern-pq-durable';

const GOALS: readonly Goal[] = [
  cpu('PQ TLS on both hops, policy and durable record', MAIN, 'direct-pq', 2),
  cpu('the same', MAIN, 'nginx', 2.5),
  cpu('the same, aimed at', MAIN, 'nginx', 1.5),
  latencyGoal('p99 ms', ({ p99 }) => p99),
  latencyGoal('p99 ms, undisturbed', ({ quietP99 }) => quietP99),
  speed('a stdio server behind it, without TLS and record', 'stdio-postern', 'stdio-mcp-proxy', 4),
  speed('the same', 'stdio-postern', 'stdio-supergateway', 4),
  speed('event streams of 100 MB', 'stream-postern', 'stream-pipe', 0.5),
  speed('answers of 1 MB', 'large-postern', 'large-nginx', 0.5),
  cpu('new connections', 'handshakes-postern', 'handshakes-bare', 1.1),
  {
    what: 'two workers on two cores',
    measure: 'calls × one worker',
    bound: { at: 'least', value: 1.7 },
    write: times,
    measured: (results) => {
      const one = caseNamed(results, 'workers-2');
      return one ? scaling(one, caseNamed(results, 'workers-1'), results.machine.cores) : null;
    },
  },
  elsewhere('three times the sustainable load', 'p99 × before', { at: 'most', value: 5 }, times),
  elsewhere('attacks on tokens, refused', 'tests', { at: 'least', value: 60 }, count),
];

/** Each goal beside what was measured; the median decides. */
export function goalTable(results: Results): Table {
  return tableOf(GOALS, results);
}

/** {@link goalTable} of those goals alone that the results say something of. */
export function measuredGoals(results: Results): Table {
  return tableOf(
    GOALS.filter(({ measured }) => measured(results) !== null),
    results,
  );
}

function tableOf(goals: readonly Goal[], results: Results): Table {
  const rows = goals.map((goal) => {
    const { bound, write } = goal;
    const measured = goal.measured(results);
    const limit = `at ${bound.at} ${write(bound.value)}`;
    return [goal.what, goal.measure, limit, withSpread(measured, write), verdict(goal, measured)];
  });
  const columns = [left('goal'), left('figure'), right('bound'), right('measured'), left('met')];
  return { columns, rows };
}

function verdict({ bound }: Goal, measured: Spread | null): string {
  if (measured === null || Number.isNaN(measured.median)) return `${NOTHING} not measured`;
  const within = (value: number): boolean =>
    bound.at === 'most' ? value <= bound.value : value >= bound.value;
  const always = within(measured.min) && within(measured.max);
  if (within(measured.median)) return always ? 'yes' : 'yes, not in every round';
  return within(measured.min) || within(measured.max) ? 'no, but in some rounds' : 'no';
}

/** CPU time per call, so many times that of another case at most. */
function cpu(what: string, name: string, other: string, value: number): Goal {
  const measured = (results: Results): Spread | null => {
    const one = caseNamed(results, name);
    return one ? cpuRatio(one, caseNamed(results, other)) : null;
  };
  const measure = `CPU × ${OTHERS[other] ?? other}`;
  return { what, measure, bound: { at: 'most', value }, write: times, measured };
}

function latencyGoal(measure: string, figure: (summary: Summary) => Spread | null): Goal {
  return {
    what: 'the same, at half load',
    measure,
    bound: { at: 'most', value: 3000 },
    write: milliseconds,
    measured: (results) => {
      const each = caseNamed(results, MAIN);
      const summary = each === undefined ? null : summarise(each, results.machine.cores);
      return summary && figure(summary);
    },
  };
}

/** What no case of the benchmark measures. */
function elsewhere(
  what: string,
  measure: string,
  bound: Goal['bound'],
  write: Goal['write'],
): Goal {
  return { what, measure, bound, write, measured: () => null };
}

/** Work per core-second, so many times that of another case at least. */
function speed(what: string, name: string, other: string, value: number): Goal {
  const { measured } = cpu(what, name, other, value);
  return {
    what,
    measure: `speed × ${OTHERS[other] ?? other}`,
    bound: { at: 'least', value },
    write: times,
    measured: (results) => {
      const ratio = measured(results);
      return ratio && inverse(ratio);
    },
  };
}
