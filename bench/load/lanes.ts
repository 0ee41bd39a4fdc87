import { setTimeout as wait } from 'node:timers/promises';
import type { Times, Watched, Window } from './plan.ts';
import { WindowCount } from './window.ts';

const STEP_MS = 50;
/** A warm-up that makes too few calls ends after so many times its length. */
const PATIENCE = 2;
/** How long answers may take to come in after the last call. */
const DRAIN_MS = 10_000;

/**
 * A closed loop: lanes that each begin their next piece of work when the last is done, first
 * unmeasured, then measured. What is still under way at the end is awaited and checked, not counted.
 */
export class Lanes {
  #count: WindowCount | null = null;
  #stopping = false;
  #early: string | null = null;
  #done = 0;

  /** Lanes begin nothing more. */
  get stopping(): boolean {
    return this.#stopping;
  }

  right(latencyUs: number): void {
    this.#done += 1;
    if (!this.#stopping) this.#count?.right(latencyUs);
  }

  wrong(complaint: string): void {
    if (this.#count === null) this.#early ??= complaint;
    else this.#count.wrong(complaint);
  }

  /**
   * Takes the lanes through warm-up and window.
   *
   * @param lanes each ends when {@link stopping} is true and its work is done.
   * @throws Error when anything goes wrong while warming up, or a lane does not end.
   */
  async run(lanes: Promise<unknown>, times: Times, watch: readonly Watched[]): Promise<Window> {
    const timed = this.#measure(times, watch);
    // A lane that fails ends the run at once.
    await Promise.race([timed, lanes.then(() => timed)]);
    await endOf(lanes);
    return (await timed).result();
  }

  async #measure(times: Times, watch: readonly Watched[]): Promise<WindowCount> {
    await this.#warmUp(times);
    const count = new WindowCount(watch);
    this.#count = count;
    await wait(times.windowMs);
    this.#stopping = true;
    count.close();
    return count;
  }

  async #warmUp(times: Times): Promise<void> {
    const startedAt = performance.now();
    for (;;) {
      const elapsed = performance.now() - startedAt;
      if (this.#early !== null) throw new Error(`while warming up: ${this.#early}`);
      if (elapsed >= PATIENCE * times.warmUpMs) return;
      if (elapsed >= times.warmUpMs && this.#done >= times.warmUpCalls) return;
      await wait(STEP_MS);
    }
  }
}

async function endOf(lanes: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('calls remain without answer')), DRAIN_MS);
  });
  await Promise.race([lanes, late]).finally(() => clearTimeout(timer));
}
