import type { TokenAlgorithm } from '#crypto';
import type { PublicKey } from './jwk.ts';

/** One key of an issuer. */
export interface IssuerKey extends PublicKey {
  /** Opaque; `null` when the key has none. */
  readonly kid: string | null;
  /** The only algorithm that it is for; `null` when its kind decides. */
  readonly algorithm: TokenAlgorithm | null;
}

/** The public signature keys of one issuer. */
export class KeySet {
  readonly #keys: readonly IssuerKey[];
  readonly #thumbprints: ReadonlySet<string>;

  constructor(keys: readonly IssuerKey[]) {
    this.#keys = keys;
    this.#thumbprints = new Set(keys.map(({ thumbprint }) => thumbprint));
  }

  /**
   * The key that a token's header names, or `undefined`. Where it names none, the only key that fits:
   * trying several would make each forged token cost as many verifications.
   */
  find(kid: string | null, algorithm: TokenAlgorithm): IssuerKey | undefined {
    const fitting = this.#keys.filter(
      (key) =>
        (kid === null || key.kid === kid) &&
        key.fits(algorithm) &&
        (key.algorithm === null || key.algorithm === algorithm),
    );
    return fitting.length === 1 ? fitting[0] : undefined;
  }

  /** Whether the key with this thumbprint is among them. */
  has(thumbprint: string): boolean {
    return this.#thumbprints.has(thumbprint);
  }
}
