/** A thread that changes a state directory again and again. */
import { parentPort, workerData } from 'node:worker_threads';
import { alone } from './alone.fixture.ts';
import { withStateLock } from './lock.ts';

const { state, inside } = workerData as { readonly state: string; readonly inside: Int32Array };
parentPort?.postMessage('begun');
for (let count = 0; count < 20; count += 1) await withStateLock(state, () => alone(inside));
