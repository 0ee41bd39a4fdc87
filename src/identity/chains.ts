/**
 * The certificate chains of a gateway. A peer without ML-DSA cannot verify an ML-DSA signature, so
 * there is a classical chain beside the post-quantum ones; key exchange is hybrid with any of them.
 */
import type { SignatureScheme } from '#crypto';
import { signatureByName } from '#crypto';

/** One chain: root, issuing CA, and what the issuing CA signs (gateway and clients). */
export interface ChainSpec {
  /** Also the name of the chain's directory. */
  readonly name: string;
  readonly root: SignatureScheme;
  readonly issuing: SignatureScheme;
  readonly leaf: SignatureScheme;
}

/** An authority of a chain, whose certificate and key are in the state directory. */
export type Authority = 'root' | 'issuing';

/** Every chain, preferred first. The root outlives the rest and gets the larger margin. */
export const CHAINS: readonly ChainSpec[] = [
  chain('pq', 'ML-DSA-87', 'ML-DSA-65', 'ML-DSA-65'),
  // CNSA 2.0 has no smaller ML-DSA, not even in the middle of a chain.
  chain('cnsa2', 'ML-DSA-87', 'ML-DSA-87', 'ML-DSA-87'),
  chain('classical', 'ECDSA-P256-SHA256', 'ECDSA-P256-SHA256', 'ECDSA-P256-SHA256'),
];

function chain(name: string, root: string, issuing: string, leaf: string): ChainSpec {
  return Object.freeze({
    name,
    root: known(root),
    issuing: known(issuing),
    leaf: known(leaf),
  });
}

function known(name: string): SignatureScheme {
  const scheme = signatureByName(name);
  if (scheme === undefined) throw new Error(`chain names unknown algorithm ${name}`);
  return scheme;
}
