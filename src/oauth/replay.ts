import { ProofsExhausted } from './errors.ts';

/** Knows which proofs were used. */
export interface ReplayGuard {
  /**
   * Whether this proof is used for the first time; from now on it is not.
   *
   * @throws ProofsExhausted when no more can be remembered; at once, or by rejecting.
   */
  firstUse(id: string, nowMs: number): boolean | Promise<boolean>;
}

/** Remembers proofs for as long as they could be used again, and not more of them than a limit. */
export class RecentProofs implements ReplayGuard {
  readonly #rememberMs: number;
  readonly #maxProofs: number;
  #recent = new Set<string>();
  #older = new Set<string>();
  #sinceMs = 0;

  /** @param rememberMs from the earliest time at which a proof is taken to the latest. */
  constructor({ rememberMs, maxProofs }: { rememberMs: number; maxProofs: number }) {
    this.#rememberMs = rememberMs;
    this.#maxProofs = maxProofs;
  }

  firstUse(id: string, nowMs: number): boolean {
    this.#forget(nowMs);
    if (this.#recent.has(id) || this.#older.has(id)) return false;
    if (this.#recent.size + this.#older.size >= this.#maxProofs) {
      throw new ProofsExhausted('no more DPoP proofs can be remembered');
    }
    this.#recent.add(id);
    return true;
  }

  /** Two sets that take turns: each proof is kept for one period at least, two at most. */
  #forget(nowMs: number): void {
    const passedMs = nowMs - this.#sinceMs;
    if (passedMs < this.#rememberMs) return;
    this.#older = passedMs < 2 * this.#rememberMs ? this.#recent : new Set();
    this.#recent = new Set();
    this.#sinceMs = nowMs;
  }
}
