import { setTimeout as delay } from 'node:timers/promises';

const PATIENCE_MS = 15_000;

/**
 * Waits until something holds.
 *
 * @param what is awaited, for the message of the failure.
 * @throws Error when it does not hold in time.
 */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not in time: ${what}`);
    await delay(5);
  }
}
