/**
 * Wakes the main thread whenever calls are due. Timers of an event loop are good to a millisecond;
 * a futex wait of a thread with nothing else to do is good to about 60 µs.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { PacerData } from './pacing.ts';
import { PACER } from './pacing.ts';

const { state, times } = workerData as PacerData;
/** Never changes: waiting for it is sleeping. */
const never = new Int32Array(new SharedArrayBuffer(4));

wake('ready');
Atomics.wait(state, 0, PACER.ready);
const [firstAtUs = 0, intervalUs = 1] = times;
let dueAtUs = firstAtUs;
for (;;) {
  const now = Number(process.hrtime.bigint()) / 1000;
  if (now < dueAtUs) {
    Atomics.wait(never, 0, 0, (dueAtUs - now) / 1000);
    continue;
  }
  dueAtUs += intervalUs * Math.ceil((now - dueAtUs + 1) / intervalUs);
  const before = Atomics.compareExchange(state, 0, PACER.quiet, PACER.woken);
  if (before === PACER.over) break;
  if (before === PACER.quiet) wake('due');
}

function wake(what: 'ready' | 'due'): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, no window
  parentPort?.postMessage(what);
}
