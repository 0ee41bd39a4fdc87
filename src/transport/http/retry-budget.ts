/** Repeats that may come at once, after a time without any. */
const RESERVE = 10;

/**
 * Bounds how many exchanges are sent a second time: a share of all of them, so that an outage is not
 * made worse by as many requests again.
 */
export class RetryBudget {
  readonly #share: number;
  #left: number;

  /** @param percent of all exchanges; none at 0. */
  constructor(percent: number) {
    this.#share = percent / 100;
    this.#left = percent === 0 ? 0 : RESERVE;
  }

  /** An exchange begins. */
  earn(): void {
    this.#left = Math.min(RESERVE, this.#left + this.#share);
  }

  /** @returns whether one may be sent a second time. */
  take(): boolean {
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
