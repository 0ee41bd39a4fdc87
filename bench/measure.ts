import { fileURLToPath } from 'node:url';
import type { Bench } from './bench.ts';
import type { Case, SubjectLoad } from './case.ts';
import { REQUEST_BYTES } from './cases.ts';
import { start } from './children.ts';
import { speedIn, watchClock } from './clock/clock.ts';
import type { LoadPlan, LoadReport, Times } from './load/plan.ts';
import type { SdkPlan } from './load/sdk-stdio.ts';
import { EVERYTHING } from './programs.ts';
import type { Subject } from './subjects/subject.ts';

/** One case in one round. */
export interface Measurement {
  readonly report: LoadReport;
  /** Bytes; 0 where it was not measured. */
  readonly peakRss: { readonly subject: number; readonly server: number };
  /** How many cores the subject may use. */
  readonly cores: number;
  /** Speed of its core in the closed-loop window, `null` where it was not read. */
  readonly clock: number | null;
}

/** Starts the subject of a case, loads it and ends it. */
export async function measure(bench: Bench, { load }: Case, times: Times): Promise<Measurement> {
  if (load.kind === 'sdk-stdio') return measureSdk(bench, load.inFlight, times);
  const subject = await load.start(bench, []);
  try {
    return await measureSubject(bench, subject, load, times);
  } finally {
    await subject.stop();
  }
}

/** Loads a subject that is up. */
export async function measureSubject(
  bench: Bench,
  subject: Subject,
  load: SubjectLoad,
  times: Times,
): Promise<Measurement> {
  const { target, watch, within } = subject;
  const planOf = (): LoadPlan => {
    const common = { target, watch, times };
    if (load.kind === 'stream') return { kind: 'stream', ...common };
    const { connections } = load;
    if (load.kind === 'handshakes') return { kind: 'handshakes', connections, ...common };
    return { kind: 'calls', connections, shape: load.shape, ...common };
  };
  const { subject: core, generator } = bench.cores;
  const clock = watchClock(core);
  try {
    const script = import.meta.resolve('./load/generator.ts');
    const report = await generate(script, planOf(), { core: generator, within });
    const speed = speedIn(await clock.stop(), report.closed);
    return { report, peakRss: subject.peakRss(), cores: subject.cores, clock: speed };
  } finally {
    await clock.stop();
  }
}

async function measureSdk(bench: Bench, inFlight: number, times: Times): Promise<Measurement> {
  const { subject: core, generator } = bench.cores;
  const pin = core === null ? [] : ['taskset', '-c', String(core)];
  const command = [...pin, process.execPath, EVERYTHING];
  // As many bytes as the requests of the other stdio cases have.
  const plan: SdkPlan = { command, inFlight, messageBytes: REQUEST_BYTES - 110, times };
  const report = await generate(import.meta.resolve('./load/sdk-stdio.ts'), plan, {
    core: generator,
  });
  return { report, peakRss: { subject: 0, server: 0 }, cores: 1, clock: null };
}

async function generate(
  scriptUrl: string,
  plan: LoadPlan | SdkPlan,
  options: { readonly core: number | null; readonly within?: readonly string[] },
): Promise<LoadReport> {
  const path = fileURLToPath(scriptUrl);
  const child = start(process.execPath, [path], { ...options, input: JSON.stringify(plan) });
  try {
    return JSON.parse(await child.output()) as LoadReport;
  } finally {
    await child.stop();
  }
}
