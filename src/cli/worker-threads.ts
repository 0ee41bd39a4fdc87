import type { MessagePort } from 'node:worker_threads';
import { Worker } from 'node:worker_threads';
import type { WorkerStart } from '#gateway';
import type { SettingsSource } from './settings.ts';

/** What a thread that serves is given. */
export interface WorkerThreadData {
  readonly start: WorkerStart;
  readonly source: SettingsSource;
  readonly stateDir: string;
}

/** The same file name in a checkout (.ts) and in the built package (.js). */
const PROGRAM = import.meta.filename.replace('worker-threads', 'worker-thread');

/** What begins threads that serve under settings. */
export function workerBeginner(
  common: Omit<WorkerThreadData, 'start'>,
): (start: WorkerStart, transfer: readonly MessagePort[]) => Worker {
  return (start, transfer) => {
    const workerData: WorkerThreadData = { ...common, start };
    return new Worker(PROGRAM, {
      name: `postern worker ${start.index}`,
      workerData,
      transferList: [...transfer],
    });
  };
}
