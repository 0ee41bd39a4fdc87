import { mkdtemp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench } from '../bench.ts';
import type { CaseLoad } from '../cases.ts';
import { CASES } from '../cases.ts';
import type { Times } from '../load/plan.ts';
import type { Measurement } from '../measure.ts';
import { measureSubject } from '../measure.ts';
import type { PosternOptions } from '../subjects/postern.ts';
import { posternSubject } from '../subjects/postern.ts';
import type { Subject } from '../subjects/subject.ts';
import type { Breakdown } from './read-profile.ts';
import { readProfile } from './read-profile.ts';

/** One profiled run of a case. */
export interface ProfiledCase {
  readonly name: string;
  readonly breakdown: Breakdown;
  readonly measurement: Measurement;
}

type Load = Exclude<CaseLoad, { kind: 'sdk-stdio' }>;

const SAMPLE_EVERY_US = 500;

/** The cases that can be profiled, with the gateway that each starts. */
const PROFILED: Readonly<Record<string, PosternOptions>> = {
  'postern-pq-durable': { link: 'pq', server: 'http', audit: 'durable' },
  'stdio-postern-pq-durable': { link: 'pq', server: 'stdio', audit: 'durable' },
};

export const PROFILED_NAMES: readonly string[] = Object.keys(PROFILED);

/** Runs a case on a gateway under V8's sampling profiler; the closed-loop window is broken down. */
export async function profileCase(bench: Bench, name: string, times: Times): Promise<ProfiledCase> {
  const options = PROFILED[name];
  const load = loadOf(name);
  if (options === undefined || load === null) throw new Error(`${name} has no profile`);
  const directory = await mkdtemp(join(bench.directory, 'profile-'));
  const subject = await posternSubject(bench, {
    ...options,
    nodeOptions: [
      '--cpu-prof',
      `--cpu-prof-dir=${directory}`,
      `--cpu-prof-interval=${SAMPLE_EVERY_US}`,
    ],
  });
  const measurement = await measureAndStop(bench, subject, load, times);
  const { closed } = measurement.report;
  const breakdown = await readProfile(await profileIn(directory), closed);
  return { name, breakdown, measurement };
}

/** The profile is written when the gateway ends in order. */
async function measureAndStop(
  bench: Bench,
  subject: Subject,
  load: Load,
  times: Times,
): Promise<Measurement> {
  try {
    return await measureSubject(bench, subject, load, times);
  } finally {
    await subject.stop();
  }
}

function loadOf(name: string): Load | null {
  const load = CASES.find((each) => each.name === name)?.load;
  return load === undefined || load.kind === 'sdk-stdio' ? null : load;
}

/** The main thread's: worker threads write their own, with a higher thread number. */
async function profileIn(directory: string): Promise<string> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.cpuprofile'));
  const [first] = names.toSorted((a, b) => threadOf(a) - threadOf(b));
  if (first === undefined) throw new Error('the gateway wrote no profile');
  return join(directory, first);
}

/** `CPU.<date>.<time>.<pid>.<thread>.<sequence>.cpuprofile` */
function threadOf(name: string): number {
  return Number(name.split('.')[4] ?? 0);
}
