import { setTimeout as delay } from 'node:timers/promises';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;

/** Pauses between attempts: each twice as long as the one before, until one succeeds. */
export class Backoff {
  #nextMs = FIRST_PAUSE_MS;

  /** Waits for the next attempt; resolves with false when it is no longer wanted. */
  async pause(signal: AbortSignal): Promise<boolean> {
    const pauseMs = this.#nextMs;
    this.#nextMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    return delay(pauseMs, true, { signal, ref: false }).catch(() => false);
  }

  succeeded(): void {
    this.#nextMs = FIRST_PAUSE_MS;
  }
}
