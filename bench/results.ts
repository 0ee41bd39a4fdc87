import type { Case } from './cases.ts';
import type { Window } from './load/plan.ts';
import type { Machine } from './machine.ts';
import type { Measurement } from './measure.ts';
import { totalMs } from './processes.ts';
import type { ProfiledCase } from './profile/profile-case.ts';

/** Everything of one run. */
export interface Results {
  /** ISO 8601. */
  readonly startedAt: string;
  readonly machine: Machine;
  readonly rounds: number;
  readonly windowSeconds: number;
  readonly cases: readonly CaseResult[];
  readonly profiles: readonly ProfiledCase[];
}

/** One case over all rounds. */
export interface CaseResult {
  readonly name: string;
  readonly title: string;
  readonly group: Case['group'];
  readonly baseline: string | null;
  /** Why it was not run. */
  readonly skipped: string | null;
  /** Why it could not be finished; the rounds before that are kept. */
  readonly failed: string | null;
  readonly rounds: readonly Measurement[];
}

/** Medians over the rounds of a case. */
export interface Summary {
  readonly link: string;
  /** Right answers a second at saturation. */
  readonly callsPerSecond: number;
  /** CPU time of the subject per call at saturation, kernel included; microseconds. */
  readonly usPerCall: number;
  /** The kernel's part of it. */
  readonly systemUsPerCall: number;
  /** CPU time of the stdio server behind the subject. */
  readonly serverUsPerCall: number;
  readonly generatorUsPerCall: number;
  /** Share of one core that the subject used. */
  readonly coreShare: number;
  /** Latency in the open loop, in microseconds; of the closed loop where there is no open one. */
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  /** Calls a second of the open loop, `null` where there is none. */
  readonly openRate: number | null;
  /** How late the generator itself was, 99th percentile; microseconds. */
  readonly latenessP99: number | null;
  /** Bytes. */
  readonly peakRss: number;
  readonly errors: number;
  /** Share of the machine's cores that something else used, or the hypervisor gave away. */
  readonly otherShare: number;
}

/** Medians of a case, `null` when no round was finished. */
export function summarise({ rounds }: CaseResult, cores: number): Summary | null {
  const [first] = rounds;
  if (first === undefined) return null;
  const closed = rounds.map(({ report }) => report.closed);
  const open = rounds.flatMap(({ report }) => report.open ?? []);
  const timed = open.length > 0 ? open : closed;
  const windows = [...closed, ...open];
  return {
    link: first.report.link,
    callsPerSecond: median(closed.map(({ calls, seconds }) => calls / seconds)),
    usPerCall: median(closed.map((window) => perCall(window, 'subject'))),
    systemUsPerCall: median(closed.map(({ cpu, calls }) => (cpu.subject.systemMs * 1000) / calls)),
    serverUsPerCall: median(
      closed.map((window) => perCall(window, 'server') + perCall(window, 'upstream')),
    ),
    generatorUsPerCall: median(closed.map((window) => perCall(window, 'generator'))),
    coreShare: median(closed.map(({ cpu, seconds }) => totalMs(cpu.subject) / (seconds * 1000))),
    p50: median(timed.map(({ latencyUs }) => latencyUs.p50)),
    p99: median(timed.map(({ latencyUs }) => latencyUs.p99)),
    p999: median(timed.map(({ latencyUs }) => latencyUs.p999)),
    openRate: open.length > 0 ? median(open.map(({ rate }) => rate)) : null,
    latenessP99: open.length > 0 ? median(open.map(({ latenessUs }) => latenessUs.p99)) : null,
    peakRss: median(rounds.map(({ peakRss }) => peakRss.subject)),
    errors: windows.reduce((sum, { errors }) => sum + errors, 0),
    otherShare: median(
      closed.map(({ cpu, seconds }) => totalMs(cpu.other) / (seconds * 1000 * cores)),
    ),
  };
}

/**
 * How many times the CPU time per call of another case this one takes: the median of the ratios
 * within each round, since rounds differ with what else the machine does. `null` without both.
 */
export function cpuRatio(one: CaseResult, other: CaseResult | undefined): number | null {
  const ratios = one.rounds.flatMap(({ report }, index) => {
    const against = other?.rounds[index]?.report.closed;
    return against === undefined
      ? []
      : [perCall(report.closed, 'subject') / perCall(against, 'subject')];
  });
  return ratios.length > 0 ? median(ratios) : null;
}

/** Whether anything went wrong. */
export function hasErrors(results: Results): boolean {
  return results.cases.some(
    (each) => each.failed !== null || (summarise(each, results.machine.cores)?.errors ?? 0) > 0,
  );
}

function perCall({ cpu, calls }: Window, role: keyof Window['cpu']): number {
  return calls === 0 ? Number.NaN : (totalMs(cpu[role]) * 1000) / calls;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  const [low = Number.NaN, high = low] = [sorted[Math.floor(middle)], sorted[Math.ceil(middle)]];
  return (low + high) / 2;
}
