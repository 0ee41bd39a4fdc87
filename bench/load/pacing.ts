import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** What the pacer thread and the main thread share. */
export interface PacerData {
  /** One of {@link PACER}. */
  readonly state: Int32Array;
  /** When the first call is due, and the time between calls; microseconds. */
  readonly times: Float64Array;
}

/** States of the pacer; between `woken` and `quiet` the main thread is on its way. */
export const PACER = { ready: 0, quiet: 1, woken: 2, over: 3 } as const;

/** A thread that says when calls are due. */
export interface Pacer {
  start(firstAtUs: number, intervalUs: number, onDue: () => void): void;
  stop(): Promise<void>;
}

/** Starts the thread; it paces nothing yet. */
export async function createPacer(): Promise<Pacer> {
  const data: PacerData = {
    state: new Int32Array(new SharedArrayBuffer(4)),
    times: new Float64Array(new SharedArrayBuffer(16)),
  };
  const { state, times } = data;
  const worker = new Worker(new URL('./pacer.ts', import.meta.url), { workerData: data });
  await once(worker, 'message');
  return {
    start: (firstAtUs, intervalUs, onDue) => {
      worker.on('message', () => {
        Atomics.compareExchange(state, 0, PACER.woken, PACER.quiet);
        onDue();
      });
      times.set([firstAtUs, intervalUs]);
      Atomics.store(state, 0, PACER.quiet);
      Atomics.notify(state, 0);
    },
    stop: async () => {
      Atomics.store(state, 0, PACER.over);
      Atomics.notify(state, 0);
      await worker.terminate();
    },
  };
}
