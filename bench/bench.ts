import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Certificates } from './certificates.ts';
import { makeCertificates } from './certificates.ts';
import { allowedCores } from './processes.ts';
import { hasCommand } from './programs.ts';

/** What all cases share. */
export interface Bench {
  /** Everything that is written goes here, and goes away at the end. */
  readonly directory: string;
  readonly certificates: Certificates;
  readonly cores: Cores;
}

/** A core by its number, or several as `taskset -c` takes them (`0,1`); `null` for any. */
export type Core = number | string | null;

/** Which process stays on which core; `null` where nothing can be pinned. */
export interface Cores {
  readonly subject: number | null;
  readonly generator: number | null;
  /** With two cores it shares the generator's. */
  readonly upstream: number | null;
}

/** Makes the working directory and the certificates. */
export async function openBench(): Promise<Bench> {
  const directory = await mkdtemp(join(tmpdir(), 'postern-bench-'));
  try {
    return { directory, certificates: await makeCertificates(directory), cores: chooseCores() };
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
}

export async function closeBench(bench: Bench): Promise<void> {
  await rm(bench.directory, { recursive: true, force: true });
}

function chooseCores(): Cores {
  const [first, second, third] = allowedCores();
  if (first === undefined || second === undefined || !hasCommand('taskset')) {
    return { subject: null, generator: null, upstream: null };
  }
  return { subject: first, generator: second, upstream: third ?? second };
}
