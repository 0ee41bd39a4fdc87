import { EnrolmentBusy } from '../errors.ts';

/**
 * Each renewal stays in the ledger for 90 days: at this pace one client fills a tenth of it, and a
 * hundred programs that share a name can renew on one day.
 */
const MAX_A_DAY = 100;
const DAY_MS = 24 * 60 * 60 * 1000;

/** Bounds what one client can have renewed: no one may leave the others without a ledger. */
export class RenewalQuota {
  /** By name of the client. */
  readonly #counts = new Map<string, number>();
  #day = 0;

  /** Counts a renewal. @throws EnrolmentBusy when the client had enough of them today. */
  take(name: string, nowMs: number): void {
    const day = Math.floor(nowMs / DAY_MS);
    if (day !== this.#day) this.#counts.clear();
    this.#day = day;
    const count = (this.#counts.get(name) ?? 0) + 1;
    if (count > MAX_A_DAY) {
      throw new EnrolmentBusy(`${name} has asked for ${MAX_A_DAY} renewals today`, {
        hint: 'Try again tomorrow; a client needs one every sixty days.',
      });
    }
    this.#counts.set(name, count);
  }
}
