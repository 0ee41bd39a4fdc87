import type { OpenWindow, Role, Window } from './load/plan.ts';
import type { Measurement } from './measure.ts';
import type { CpuShare } from './processes.ts';
import { totalMs } from './processes.ts';
import type { CaseResult } from './results.ts';
import type { Spread } from './statistics.ts';
import { median, spreadOf } from './statistics.ts';

/** A case over its rounds: medians, and where it matters how far the rounds were apart. */
export interface Summary {
  readonly link: string;
  /** Right answers a second at saturation; handshakes; megabytes of a stream. */
  readonly callsPerSecond: number;
  /** CPU time of the subject per call at saturation, kernel included; microseconds. */
  readonly usPerCall: Spread;
  /** The kernel's part of it. */
  readonly systemUsPerCall: number;
  /** The part of its main threads. */
  readonly mainThreadUsPerCall: number;
  /** CPU time of the server behind the subject. */
  readonly serverUsPerCall: number;
  readonly generatorUsPerCall: number;
  /** Share of one core that the subject used. */
  readonly coreShare: number;
  /** Latency in the open loop, in microseconds; of the closed loop where there is no open one. */
  readonly p50: number;
  readonly p99: Spread;
  readonly p999: number;
  /** 99th percentile of the calls that the hypervisor had no part in, `null` without such calls. */
  readonly quietP99: Spread | null;
  /** Calls a second of the open loop, `null` where there is none. */
  readonly openRate: number | null;
  /** How late the generator itself was, 99th percentile; microseconds. */
  readonly latenessP99: number | null;
  /** Bytes. */
  readonly peakRss: number;
  readonly errors: number;
  /** Share of the machine's cores that something else used, or the hypervisor gave away. */
  readonly otherShare: number;
  /** Share of the machine's cores that the hypervisor took, at half load where there is that. */
  readonly stolenShare: number;
  /** Speeds of the subject's core in the windows, `null` where they were not read. */
  readonly clock: Spread | null;
}

/** Summary of a case, `null` when no round was finished. */
export function summarise({ rounds }: CaseResult, cores: number): Summary | null {
  const [first] = rounds;
  const closed = rounds.map(({ report }) => report.closed);
  const usPerCall = spreadOf(closed.map((window) => perCall(window, 'subject')));
  const open = rounds.flatMap(({ report }) => report.open ?? []);
  const timed = open.length > 0 ? open : closed;
  const p99 = spreadOf(timed.map(({ latencyUs }) => latencyUs.p99));
  if (first === undefined || usPerCall === null || p99 === null) return null;
  const middle = (value: (window: Window) => number): number => median(closed.map(value));
  return {
    link: first.report.link,
    callsPerSecond: middle(({ calls, seconds }) => calls / seconds),
    usPerCall,
    systemUsPerCall: middle((window) => (subjectCpu(window).systemMs * 1000) / window.calls),
    mainThreadUsPerCall: middle(({ mainThreads, calls }) => (totalMs(mainThreads) * 1000) / calls),
    serverUsPerCall: middle((window) => perCall(window, 'server') + perCall(window, 'upstream')),
    generatorUsPerCall: middle((window) => perCall(window, 'generator')),
    coreShare: middle((window) => totalMs(subjectCpu(window)) / (window.seconds * 1000)),
    p50: median(timed.map(({ latencyUs }) => latencyUs.p50)),
    p99,
    p999: median(timed.map(({ latencyUs }) => latencyUs.p999)),
    quietP99: spreadOf(open.flatMap(quietP99)),
    openRate: open.length > 0 ? median(open.map(({ rate }) => rate)) : null,
    latenessP99: open.length > 0 ? median(open.map(({ latenessUs }) => latenessUs.p99)) : null,
    peakRss: median(rounds.map(({ peakRss }) => peakRss.subject)),
    errors: [...closed, ...open].reduce((sum, { errors }) => sum + errors, 0),
    otherShare: middle(({ cpu, seconds }) => totalMs(cpu.other) / (seconds * 1000 * cores)),
    stolenShare: median(timed.map(({ stolenMs, seconds }) => stolenMs / (seconds * 1000 * cores))),
    clock: spreadOf(rounds.flatMap((round) => round.clock ?? [])),
  };
}

/** Fewer calls have no 99th percentile worth the name. */
const ENOUGH_CALLS = 300;

function quietP99({ quiet }: OpenWindow): number[] {
  return quiet.calls < ENOUGH_CALLS ? [] : [quiet.latencyUs.p99];
}

/**
 * How many times the CPU time per call of another case this one takes: over the ratios within each
 * round, since rounds differ with what else the machine does. `null` unless both ran side by side.
 */
export function cpuRatio(one: CaseResult, other: CaseResult | undefined): Spread | null {
  return ratioOf(one, other, ({ report }) => perCall(report.closed, 'subject'));
}

/**
 * How many times the calls a second of another case this one makes with the core time that the load
 * leaves: what the generator and the upstream took of the subject's cores is none of its fault.
 */
export function scaling(
  one: CaseResult,
  other: CaseResult | undefined,
  cores: number,
): Spread | null {
  return ratioOf(one, other, (round) => {
    const { calls } = round.report.closed;
    return (calls / usableSeconds(round, cores)) * round.cores;
  });
}

/** Core-seconds of the window that the subject could have had; its cores are the first ones. */
export function usableSeconds({ cores: own, report }: Measurement, cores: number): number {
  const { seconds, cpu } = report.closed;
  if (own < cores) return own * seconds;
  const taken = totalMs(cpu.generator) + totalMs(cpu.upstream) + totalMs(cpu.other);
  return own * seconds - taken / 1000;
}

/** Ratios of one to the other, turned round. */
export function inverse({ median: middle, min, max }: Spread): Spread {
  return { median: 1 / middle, min: 1 / max, max: 1 / min };
}

function ratioOf(
  one: CaseResult,
  other: CaseResult | undefined,
  value: (round: Measurement) => number,
): Spread | null {
  if (one.run !== other?.run) return null;
  const ratios = one.rounds.flatMap((round, index) => {
    const against = other.rounds[index];
    return against === undefined ? [] : [value(round) / value(against)];
  });
  return spreadOf(ratios);
}

function perCall(window: Window, role: Role): number {
  const { cpu, calls } = window;
  const spent = role === 'subject' ? subjectCpu(window) : cpu[role];
  return calls === 0 ? Number.NaN : (totalMs(spent) * 1000) / calls;
}

/** CPU time of the subject, not a number where it is not known: of a gateway elsewhere. */
function subjectCpu({ cpu: { subject } }: Window): CpuShare {
  return totalMs(subject) > 0 ? subject : { userMs: Number.NaN, systemMs: Number.NaN };
}
