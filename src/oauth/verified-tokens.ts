import type { KeySet } from './key-set.ts';
import type { AccessClaims } from './claims.ts';
import type { TrustedIssuer, VerifiedToken } from './model.ts';
import type { ProofHeader } from './proof.ts';

/** An access token whose signature and claims were verified, for whatever request it comes with. */
export interface KnownToken {
  readonly issuer: TrustedIssuer;
  readonly claims: AccessClaims;
  /** Thumbprint of the key that signed it. */
  readonly signedBy: string;
  /** The set in which that key was seen last. */
  keys: KeySet;
  /** The header of the last proof that came with it. */
  proofHeader: ProofHeader | null;
  readonly verified: VerifiedToken;
  /** The same, proven by a key that a quantum attacker can forge. */
  readonly weakened: VerifiedToken;
}

/** The tokens that were verified last, by their hashes; of too many the longest unused one goes. */
export class VerifiedTokens {
  readonly #max: number;
  readonly #byHash = new Map<string, KnownToken>();

  constructor(max: number) {
    this.#max = max;
  }

  /** What is known of a token; `undefined` when that is over. */
  find(tokenHash: string, nowMs: number): KnownToken | undefined {
    const known = this.#byHash.get(tokenHash);
    if (known === undefined) return undefined;
    this.#byHash.delete(tokenHash);
    if (!isBelieved(known, nowMs)) return undefined;
    this.#byHash.set(tokenHash, known);
    return known;
  }

  keep(tokenHash: string, known: KnownToken): void {
    if (this.#byHash.size >= this.#max) {
      const [oldest] = this.#byHash.keys();
      if (oldest !== undefined) this.#byHash.delete(oldest);
    }
    this.#byHash.set(tokenHash, known);
  }
}

/** @throws TokenKeysUnavailable */
function isBelieved(known: KnownToken, nowMs: number): boolean {
  if (nowMs >= known.claims.expiresAtMs) return false;
  const keys = known.issuer.keys.current(nowMs);
  if (keys === known.keys) return true;
  if (keys === null || !keys.has(known.signedBy)) return false;
  known.keys = keys;
  return true;
}
