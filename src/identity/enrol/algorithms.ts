import type { SignatureScheme } from '#crypto';
import { signatureByName } from '#crypto';
import type { ClientAlgorithm } from '../client.ts';
import { SCHEME_NAMES } from '../client.ts';

/** Kinds of key with which a client can be enrolled, preferred first. */
export const CLIENT_ALGORITHMS = Object.keys(SCHEME_NAMES) as readonly ClientAlgorithm[];

/** Whether this is the name of a kind of key that clients have. */
export function isClientAlgorithm(name: unknown): name is ClientAlgorithm {
  return CLIENT_ALGORITHMS.some((algorithm) => algorithm === name);
}

/** The kind of client key that signs so, or `undefined` when no client has such a key. */
export function clientAlgorithmOf(
  scheme: SignatureScheme | null | undefined,
): ClientAlgorithm | undefined {
  return CLIENT_ALGORITHMS.find((algorithm) => SCHEME_NAMES[algorithm] === scheme?.name);
}

/** How keys of this kind sign. */
export function schemeOf(algorithm: ClientAlgorithm): SignatureScheme {
  const scheme = signatureByName(SCHEME_NAMES[algorithm]);
  if (scheme === undefined) throw new Error(`the registry lacks ${SCHEME_NAMES[algorithm]}`);
  return scheme;
}

/**
 * How the gateway proves itself to a client that enrols a key of this kind: always by ML-DSA, even to
 * one that goes on with ECDSA. A client of the CNSA 2.0 suite sees nothing below ML-DSA-87.
 */
export function provingScheme(algorithm: ClientAlgorithm): SignatureScheme {
  return schemeOf(algorithm === 'ML-DSA-87' ? 'ML-DSA-87' : 'ML-DSA-65');
}
