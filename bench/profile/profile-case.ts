import { mkdtemp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench } from '../bench.ts';
import type { Case, SubjectLoad } from '../case.ts';
import type { Times } from '../load/plan.ts';
import type { Measurement } from '../measure.ts';
import { measureSubject } from '../measure.ts';
import type { Breakdown } from './breakdown.ts';
import { breakDown } from './breakdown.ts';
import type { SampleNode } from './sample-tree.ts';
import { readSamples } from './sample-tree.ts';

/** One profiled run of a case. */
export interface ProfiledCase {
  readonly name: string;
  readonly breakdown: Breakdown;
  readonly measurement: Measurement;
}

/** {@link ProfiledCase} with what it was made of. */
export interface Profile extends ProfiledCase {
  readonly samples: SampleNode;
  /** The `.cpuprofile`, in the benchmark's directory. */
  readonly file: string;
}

/** The cases that a full run profiles. */
export const PROFILED_NAMES: readonly string[] = ['postern-pq-durable', 'stdio-postern-pq-durable'];

const SAMPLE_EVERY_US = 500;

/**
 * Runs a case whose subject is under V8's sampling profiler; the closed-loop window is broken down.
 *
 * @throws Error for a case without a subject in Node.js.
 */
export async function profileCase(bench: Bench, each: Case, times: Times): Promise<Profile> {
  const { name, load } = each;
  if (!each.profilable || load.kind === 'sdk-stdio') throw new Error(`${name} has no profile`);
  const directory = await mkdtemp(join(bench.directory, 'profile-'));
  const measurement = await measureUnder(bench, load, { ...times, openMs: 0 }, directory);
  const file = await profileIn(directory);
  const samples = await readSamples(file, measurement.report.closed);
  return { name, breakdown: breakDown(samples), measurement, samples, file };
}

/** The profile is written when the subject ends in order. */
async function measureUnder(
  bench: Bench,
  load: SubjectLoad,
  times: Times,
  directory: string,
): Promise<Measurement> {
  const interval = `--cpu-prof-interval=${SAMPLE_EVERY_US}`;
  const subject = await load.start(bench, ['--cpu-prof', `--cpu-prof-dir=${directory}`, interval]);
  try {
    return await measureSubject(bench, subject, load, times);
  } finally {
    await subject.stop();
  }
}

/** The main thread's: worker threads write their own, with a higher thread number. */
async function profileIn(directory: string): Promise<string> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.cpuprofile'));
  const [first] = names.toSorted((a, b) => threadOf(a) - threadOf(b));
  if (first === undefined) throw new Error('the subject wrote no profile');
  return join(directory, first);
}

/** `CPU.<date>.<time>.<pid>.<thread>.<sequence>.cpuprofile` */
function threadOf(name: string): number {
  return Number(name.split('.')[4] ?? 0);
}
