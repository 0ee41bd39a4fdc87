import { fileURLToPath } from 'node:url';
import type { Bench } from './bench.ts';
import type { Case, CaseLoad } from './cases.ts';
import { REQUEST_BYTES } from './cases.ts';
import { start } from './children.ts';
import type { LoadPlan, LoadReport, Times } from './load/plan.ts';
import type { SdkPlan } from './load/sdk-stdio.ts';
import { EVERYTHING } from './programs.ts';
import type { Subject } from './subjects/subject.ts';

/** One case in one round. */
export interface Measurement {
  readonly report: LoadReport;
  /** Bytes; 0 where it was not measured. */
  readonly peakRss: { readonly subject: number; readonly server: number };
}

/** Starts the subject of a case, loads it and ends it. */
export async function measure(bench: Bench, { load }: Case, times: Times): Promise<Measurement> {
  if (load.kind === 'sdk-stdio') return measureSdk(bench, load.inFlight, times);
  const subject = await load.start(bench);
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
  load: Exclude<CaseLoad, { kind: 'sdk-stdio' }>,
  times: Times,
): Promise<Measurement> {
  const { target, watch, within } = subject;
  const common = { target, watch, connections: load.connections, times };
  const plan: LoadPlan =
    load.kind === 'calls'
      ? { kind: 'calls', shape: load.shape, ...common }
      : { kind: 'handshakes', ...common };
  const report = await generate(import.meta.resolve('./load/generator.ts'), plan, {
    core: bench.cores.generator,
    within,
  });
  return { report, peakRss: subject.peakRss() };
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
  return { report, peakRss: { subject: 0, server: 0 } };
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
