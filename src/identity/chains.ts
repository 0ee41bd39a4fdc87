/**
 * The certificate chains of a gateway. A peer without ML-DSA cannot verify an ML-DSA signature, so
 * there is a classical chain beside the post-quantum ones; key exchange is hybrid with any of them.
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

/** An authority of a chain, whose certificate and key are in the state directory. */
export type Authority = 'root' | 'issuing';

export const AUTHORITIES: readonly Authority[] = ['root', 'issuing'];

/** Every chain, preferred first. The root outlives the rest and gets the larger margin. */
export const CHAINS: readonly ChainSpec[] = [
  chain('pq', 'ML-DSA-87', 'ML-DSA-65', 'ML-DSA-65'),
  // CNSA 2.0 has no smaller ML-DSA, not even in the middle of a chain.
  chain('cnsa2', 'ML-DSA-87', 'ML-DSA-87', 'ML-DSA-87'),
  chain('classical', 'ECDSA-P256-SHA256', 'ECDSA-P256-SHA256', 'ECDSA-P256-SHA256'),
];

/** The directory with every file of the identity. */
export function identityDirOf(stateDir: string): string {
  return join(stateDir, 'identity');
}

/** Name of the bundle of all roots inside the identity directory. */
export const CA_BUNDLE = 'ca.crt';

/** Paths of one certificate and its key, relative to the identity directory. */
export function filesOf(
  spec: ChainSpec,
  authority: Authority,
): { certificate: string; key: string } {
  return {
    certificate: join(spec.name, `${authority}.crt`),
    key: join(spec.name, `${authority}.key`),
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
