import type { Limits } from '#lib';
import { UpstreamUnavailable } from '../errors.ts';

interface Trouble {
  readonly failures: number;
  readonly reason: string;
  /** On the clock of performance.now(). */
  readonly until: number;
}

const MAX_REMEMBERED = 1024;

/**
 * Holds back a program that does not start or dies young. Each principal has a pause of its own: one
 * whose requests kill the program must not keep the others from it.
 */
export class Restarts {
  readonly #limits: Limits;
  readonly #troubles = new Map<string, Trouble>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** @throws UpstreamUnavailable while the principal's pause lasts. */
  check(principal: string): void {
    const trouble = this.#troubles.get(principal);
    const waitMs = trouble === undefined ? 0 : trouble.until - performance.now();
    if (trouble === undefined || waitMs <= 0) return;
    const seconds = Math.ceil(waitMs / 100) / 10;
    throw new UpstreamUnavailable(
      `${trouble.reason}; it is started again in ${seconds} s at the earliest`,
      { details: { retry_after_seconds: seconds, failures: trouble.failures } },
    );
  }

  failed(principal: string, reason: string): void {
    const failures = (this.#troubles.get(principal)?.failures ?? 0) + 1;
    const { childBackoffMinMs, childBackoffMaxMs } = this.#limits;
    const pause = Math.min(childBackoffMaxMs, childBackoffMinMs * 2 ** Math.min(failures - 1, 30));
    // Entered anew, so that the map stays in the order of the last failures.
    this.#troubles.delete(principal);
    this.#troubles.set(principal, { failures, reason, until: performance.now() + pause });
    const [oldest] = this.#troubles.keys();
    if (this.#troubles.size > MAX_REMEMBERED && oldest !== undefined) this.#troubles.delete(oldest);
  }

  succeeded(principal: string): void {
    this.#troubles.delete(principal);
  }
}
