/** Signature algorithms of JSON Web Tokens as rows, and how OpenSSL verifies each. */
import type { KeyObject, VerifyKeyObjectInput } from 'node:crypto';
import { constants, verify } from 'node:crypto';

/** One asymmetric signature algorithm of JSON Object Signing (IANA "JOSE Algorithms"). */
export interface TokenAlgorithm {
  /** The registered name, as `alg` has it; letter case counts. */
  readonly name: string;
  /** Defining document. */
  readonly standard: string;
  /** A quantum attacker does not break it. */
  readonly quantumSafe: boolean;
  /** `kty` of a JSON Web Key for it. */
  readonly keyType: 'EC' | 'OKP' | 'RSA' | 'AKP';
  /** `crv` of such a key; `null` when that kind has no curves. */
  readonly curve: string | null;
  /** Bytes of an EC coordinate or of a public key; `null` for RSA, whose keys differ. */
  readonly keyBytes: number | null;
  /** Bytes of a signature; `null` when the key says. */
  readonly signatureBytes: number | null;
  /** OpenSSL's name of the hash; `null` when it is part of the algorithm. */
  readonly hash: string | null;
  readonly options: Omit<VerifyKeyObjectInput, 'key'>;
}

interface Shape {
  readonly curve?: string;
  readonly keyBytes?: number;
  readonly signatureBytes?: number;
  readonly hash?: string;
  readonly options?: Omit<VerifyKeyObjectInput, 'key'>;
  readonly quantumSafe?: boolean;
}

const row = (
  name: string,
  keyType: TokenAlgorithm['keyType'],
  standard: string,
  { curve, keyBytes, signatureBytes, hash, options = {}, quantumSafe = false }: Shape,
): TokenAlgorithm =>
  Object.freeze({
    name,
    standard,
    quantumSafe,
    keyType,
    curve: curve ?? null,
    keyBytes: keyBytes ?? null,
    signatureBytes: signatureBytes ?? null,
    hash: hash ?? null,
    options: Object.freeze(options),
  });

const mlDsa = (name: string, keyBytes: number, signatureBytes: number): TokenAlgorithm =>
  row(name, 'AKP', 'FIPS 204, RFC 9964', { keyBytes, signatureBytes, quantumSafe: true });

/** Both integers of a signature have the length of a coordinate (RFC 7518 §3.4). */
const ecdsa = (name: string, curve: string, hash: string, keyBytes: number): TokenAlgorithm =>
  row(name, 'EC', 'FIPS 186-5, RFC 7518', {
    curve,
    keyBytes,
    signatureBytes: 2 * keyBytes,
    hash,
    options: { dsaEncoding: 'ieee-p1363' },
  });

/** RFC 8037 has one name for all of EdDSA, RFC 9864 one for each curve. */
const ed25519 = (name: string, standard: string): TokenAlgorithm =>
  row(name, 'OKP', standard, { curve: 'Ed25519', keyBytes: 32, signatureBytes: 64 });

const rsaPss = (name: string, hash: string, saltLength: number): TokenAlgorithm =>
  row(name, 'RSA', 'FIPS 186-5, RFC 7518', {
    hash,
    options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength },
  });

const rsa = (name: string, hash: string): TokenAlgorithm =>
  row(name, 'RSA', 'FIPS 186-5, RFC 7518', {
    hash,
    options: { padding: constants.RSA_PKCS1_PADDING },
  });

const ALGORITHMS: readonly TokenAlgorithm[] = [
  mlDsa('ML-DSA-44', 1312, 2420),
  mlDsa('ML-DSA-65', 1952, 3309),
  mlDsa('ML-DSA-87', 2592, 4627),
  ecdsa('ES256', 'P-256', 'sha256', 32),
  ecdsa('ES384', 'P-384', 'sha384', 48),
  ecdsa('ES512', 'P-521', 'sha512', 66),
  ed25519('Ed25519', 'RFC 8032, RFC 9864'),
  ed25519('EdDSA', 'RFC 8032, RFC 8037'),
  rsaPss('PS256', 'sha256', 32),
  rsaPss('PS384', 'sha384', 48),
  rsaPss('PS512', 'sha512', 64),
  rsa('RS256', 'sha256'),
  rsa('RS384', 'sha384'),
  rsa('RS512', 'sha512'),
];

const byName = new Map(ALGORITHMS.map((algorithm) => [algorithm.name, algorithm]));

/** Every algorithm that tokens may be signed with: none that shares a secret, and not `none`. */
export function allTokenAlgorithms(): readonly TokenAlgorithm[] {
  return ALGORITHMS;
}

/** The algorithm of exactly this name, or `undefined`. */
export function tokenAlgorithmByName(name: string): TokenAlgorithm | undefined {
  return byName.get(name);
}

/**
 * Whether `signature` is one by the private half of `key` over `data`. The key has to fit the
 * algorithm; whoever imported it made sure.
 */
export function verifyTokenSignature(
  { hash, options, signatureBytes }: TokenAlgorithm,
  key: KeyObject,
  data: Buffer,
  signature: Buffer,
): boolean {
  if (signatureBytes !== null && signature.length !== signatureBytes) return false;
  return verify(hash, data, { key, ...options }, signature);
}
