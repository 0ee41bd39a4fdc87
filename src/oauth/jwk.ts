import type { KeyObject } from 'node:crypto';
import { createPublicKey, hash } from 'node:crypto';
import type { TokenAlgorithm } from '#crypto';
import { allTokenAlgorithms } from '#crypto';
import { isBase64url } from './base64url.ts';

/** A public signature key, as a JSON Web Key said it. */
export interface PublicKey {
  readonly key: KeyObject;
  /** SHA-256 of the members that make the key, base64url (RFC 7638; RFC 9964 for AKP). */
  readonly thumbprint: string;
  /** Whether this kind of key is one for the algorithm. */
  readonly fits: (algorithm: TokenAlgorithm) => boolean;
}

type Members = Readonly<Record<string, unknown>>;

/** What private keys and shared secrets have (RFC 7518 §6, RFC 9964). */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'] as const;

/** Shorter ones can be broken; longer ones take milliseconds. */
const MIN_RSA_BITS = 2048;
const MAX_RSA_BITS = 8192;

/** The members that make a key, by its type and in the order of their names (RFC 7638 §3.2). */
const THUMBPRINT_MEMBERS: Readonly<Record<TokenAlgorithm['keyType'], readonly string[]>> = {
  AKP: ['alg', 'kty', 'pub'],
  EC: ['crv', 'kty', 'x', 'y'],
  OKP: ['crv', 'kty', 'x'],
  RSA: ['e', 'kty', 'n'],
};

/** Why a JSON Web Key is none that signatures are verified with. */
export class UnusableKey extends Error {}

/**
 * The public key in a JSON Web Key.
 *
 * @throws UnusableKey when it is of another kind, has a private part, is too weak or too long, or when
 *   its parts are not written as RFC 7518 §6 says. The message quotes nothing of it.
 */
export function readPublicKey(jwk: Members): PublicKey {
  if (PRIVATE_MEMBERS.some((name) => Object.hasOwn(jwk, name))) {
    throw new UnusableKey('it has a private part');
  }
  const shape = shapeOf(jwk);
  const { keyType } = shape;
  const members = Object.fromEntries(
    THUMBPRINT_MEMBERS[keyType].map((name) => [name, jwk[name] as string]),
  );
  return {
    key: keyType === 'RSA' ? rsaKey(members) : imported(members),
    thumbprint: hash('sha256', JSON.stringify(members), 'base64url'),
    fits: (algorithm) =>
      algorithm.keyType === keyType &&
      algorithm.curve === shape.curve &&
      (keyType !== 'AKP' || algorithm === shape),
  };
}

/** The first algorithm that this kind of key is for. */
function shapeOf(jwk: Members): TokenAlgorithm {
  const { kty, crv, alg, x, y, n, e, pub } = jwk as Record<string, unknown>;
  const shape = allTokenAlgorithms().find(
    ({ keyType, curve, name }) =>
      keyType === kty && (curve === null || curve === crv) && (keyType !== 'AKP' || name === alg),
  );
  if (shape === undefined) throw new UnusableKey('it is of a kind that verifies no tokens');
  const parts = { EC: [x, y], OKP: [x], RSA: [n, e], AKP: [pub] }[shape.keyType];
  const isWhole = parts.every((part) => isBase64url(part) && isLength(part, shape.keyBytes));
  if (!isWhole) throw new UnusableKey('a part of it is missing, malformed or of a wrong length');
  return shape;
}

function isLength(part: string, bytes: number | null): boolean {
  return bytes === null || part.length === Math.ceil((bytes * 4) / 3);
}

/** The number has to stand without leading zeros, or one key would have several thumbprints. */
function rsaKey({ n = '', e = '', ...rest }: Record<string, string>): KeyObject {
  const modulus = Buffer.from(n, 'base64url');
  const exponent = Buffer.from(e, 'base64url');
  if (modulus[0] === 0 || exponent[0] === 0) throw new UnusableKey('it has leading zeros');
  if (modulus.length * 8 > MAX_RSA_BITS) throw new UnusableKey(`over ${MAX_RSA_BITS} bits of RSA`);
  if (exponent.length > 4 || exponent.readUIntBE(0, exponent.length) < 3) {
    throw new UnusableKey('its exponent is none that anyone uses');
  }
  const key = imported({ ...rest, n, e });
  if ((key.asymmetricKeyDetails?.modulusLength ?? 0) < MIN_RSA_BITS) {
    throw new UnusableKey(`under ${MIN_RSA_BITS} bits of RSA`);
  }
  return key;
}

/** OpenSSL makes sure that a point is on its curve. */
function imported(jwk: Record<string, string>): KeyObject {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' });
  } catch (cause) {
    throw new UnusableKey('OpenSSL does not take it', { cause });
  }
}
