/**
 * The two certificate chains of a gateway. A peer without ML-DSA cannot verify an ML-DSA signature,
 * so there is a classical chain beside the post-quantum one; key exchange is hybrid with either.
 */
import { join } from 'node:path';
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

/** A certificate that the gateway holds together with its key. */
export type Holder = 'root' | 'issuing' | 'gateway';

/** Every chain, preferred first. The root outlives the rest and gets the larger margin. */
export const CHAINS: readonly ChainSpec[] = [
  chain('pq', 'ML-DSA-87', 'ML-DSA-65', 'ML-DSA-65'),
  chain('classical', 'ECDSA-P256-SHA256', 'ECDSA-P256-SHA256', 'ECDSA-P256-SHA256'),
];

/** The scheme with which a certificate's own key signs. */
export function schemeOfHolder(spec: ChainSpec, holder: Holder): SignatureScheme {
  return holder === 'gateway' ? spec.leaf : spec[holder];
}

/** The directory with every file of the identity. */
export function identityDirOf(stateDir: string): string {
  return join(stateDir, 'identity');
}

/** Name of the bundle of all roots inside the identity directory. */
export const CA_BUNDLE = 'ca.crt';

/** Paths of one certificate and its key, relative to the identity directory. */
export function filesOf(spec: ChainSpec, holder: Holder): { certificate: string; key: string } {
  return {
    certificate: join(spec.name, `${holder}.crt`),
    key: join(spec.name, `${holder}.key`),
  };
}

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
