import type { Machine } from '../machine.ts';
import type { CaseResult, Results } from '../results.ts';
import { median } from '../statistics.ts';
import type { Summary } from '../summary.ts';
import { summarise } from '../summary.ts';
import { count, milliseconds, percent } from './cells.ts';
import { troubles } from './text.ts';

/** What the figures were made on. */
export function renderMachine({ machine, startedAt, rounds, windowSeconds }: Results): string {
  const programs = Object.entries(machine.programs).map(([name, version]) => `${name} ${version}`);
  return `- ${machine.cores} cores of ${machine.cpu}, ${Math.round(machine.memoryBytes / 1e9)} GB, ${machine.kernel}
- Node.js ${machine.node} with OpenSSL ${machine.openssl}
- ${programs.join(', ')}
- Rounds: ${rounds}, each ${windowSeconds} s at saturation and ${windowSeconds} s at half load, on ${dayOf(startedAt)}
- ${pinning(machine)}`;
}

/** How far the figures can be trusted. */
export function renderNotes(results: Results): string {
  const { cores } = results.machine;
  const summaries = results.cases.flatMap((each) => summarise(each, cores) ?? []);
  const others = summaries.map(({ otherShare }) => otherShare);
  const lateness = summaries.flatMap(({ latenessP99 }) => latenessP99 ?? []);
  const generator = summaries
    .map(({ generatorUsPerCall }) => generatorUsPerCall)
    .filter((value) => value > 0);
  const notes = [
    `Other work took ${percent(median(others))} of the machine in the median case and ${percent(Math.max(...others))} in the worst. CPU time per call rises with it: caches and the processor's own units are shared.`,
    ...clockNote(results),
    ...stealNote(summaries),
    `Where "core used" is well below 100 %, something else was the limit: the generator and the upstream on their one core, or the disk. CPU per call still compares; calls a second do not.`,
    `The generator took ${span(generator, count)} µs of CPU per call, handshake or megabyte, and its 99th percentile of lateness in the open loop was ${span(lateness, milliseconds)} ms: tails below that are noise.`,
    `Latencies are each at half of the case's own rate, so rows differ in load as well as in speed.`,
    `nginx and haproxy do less: no authentication of callers, no reading of bodies, no policy, no record, no post-quantum algorithms (their OpenSSL is the distribution's). They show what moving the bytes costs.`,
    ...gatewayNote(results),
    ...otherRuns(results),
    ...troubles(results),
  ];
  return `## Notes\n\n${notes.map((note) => `- ${note}`).join('\n')}`;
}

/** How much the core's speed changed over all windows. */
function clockNote({ cases }: Results): string[] {
  const speeds = cases.flatMap(({ rounds }) => rounds.flatMap(({ clock }) => clock ?? []));
  if (speeds.length === 0) return [];
  const factor = (Math.max(...speeds) / Math.min(...speeds)).toFixed(2);
  return [
    `The subject's core computed ${factor} times as fast in its fastest window as in its slowest. What rounds differ by beyond that is shared caches, stolen time, which is partly charged to whoever it was stolen from, and what the compiler had done by then.`,
  ];
}

function gatewayNote(results: Results): string[] {
  const measured = ({ rounds }: CaseResult): boolean => rounds.length > 0;
  const names = new Set(['agentgateway', 'contextforge']);
  if (!results.cases.some((each) => names.has(each.name) && measured(each))) return [];
  return [
    `agentgateway runs with one worker thread, ContextForge as one process with SQLite and callers with a token and no limit on their rate, both else as they come. Neither has TLS here.`,
  ];
}

function stealNote(summaries: readonly Summary[]): string[] {
  const shares = summaries.map(({ stolenShare }) => stolenShare);
  const largest = Math.max(...shares);
  if (!(largest > 0)) return [];
  return [
    `The hypervisor took ${percent(median(shares))} of the cores' time in the median case and ${percent(largest)} in the worst, for tens of milliseconds at a time: on this machine that is most of what the tails show. "Undisturbed" is the 99th percentile of those calls that were due and answered while it took nothing.`,
  ];
}

/** Cases that were published before and not measured again. */
function otherRuns({ cases, startedAt }: Results): string[] {
  const older = cases.filter(({ run, rounds }) => run !== startedAt && rounds.length > 0);
  const runs = Map.groupBy(older, ({ run }) => run);
  return [...runs].map(([run, each]) => {
    const names = each.map(({ name }: CaseResult) => `\`${name}\``).join(', ');
    return `Of an earlier run, on ${dayOf(run)} with ${each[0]?.rounds.length ?? 0} rounds: ${names}. They have ratios among themselves alone.`;
  });
}

function pinning({ pinning: { subject, generator, upstream } }: Machine): string {
  if (subject === null) return 'nothing pinned';
  const shared = generator === upstream;
  return shared
    ? 'subject on one core, generator and upstream together on the other'
    : 'subject, generator and upstream on a core each';
}

function dayOf(time: string): string {
  return time.slice(0, 10);
}

function span(values: readonly number[], write: (value: number) => string): string {
  if (values.length === 0) return '–';
  return `${write(Math.min(...values))} to ${write(Math.max(...values))}`;
}
