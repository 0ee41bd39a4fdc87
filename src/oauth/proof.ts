import { hash } from 'node:crypto';
import type { TokenAlgorithm } from '#crypto';
import { allTokenAlgorithms } from '#crypto';
import { ProofInvalid } from './errors.ts';
import type { PublicKey } from './jwk.ts';
import { readPublicKey } from './jwk.ts';
import type { JsonObject, WrittenToken } from './jws.ts';
import { algorithmOf, isSignedBy, isType, readHeader, readPayload, splitToken } from './jws.ts';
import { isSameUrl } from './same-url.ts';

/** The header of a proof. A client sends the same one with each, so it is read once. */
export interface ProofHeader {
  /** As it was written. */
  readonly written: string;
  readonly algorithm: TokenAlgorithm;
  readonly publicKey: PublicKey;
}

/** What a proof has to prove. */
export interface ProofTarget {
  readonly httpMethod: string;
  readonly url: string;
  /** SHA-256 of the access token, base64url. */
  readonly tokenHash: string;
  /** Thumbprint of the key that the token is bound to. */
  readonly keyThumbprint: string;
  readonly nowMs: number;
  /** How far `iat` may be from now, before or after. */
  readonly leewayMs: number;
}

/** A proof that fits. Whether it was used before is not known yet. */
export interface Proof {
  readonly header: ProofHeader;
  /** The same for the same proof, and for no other. */
  readonly id: string;
}

/** A key of ML-DSA-87 is 3.5 KB of it. */
const MAX_HEADER_BYTES = 5 * 1024;
const MAX_JTI_LENGTH = 256;

/**
 * Verifies a DPoP proof (RFC 9449 §4.3). Nonces of the server (§8) are not used: they would keep proofs
 * from being made in advance by someone who uses the client's key for a moment, at the price of another
 * round trip and a state that all gateways share.
 *
 * @param known the header of the proof that came with the same token before.
 * @throws ProofInvalid
 */
export function verifyProof(
  text: string | undefined,
  target: ProofTarget,
  known: ProofHeader | null,
): Proof {
  if (text === undefined) throw refuse('is missing');
  const written = splitToken(text, refuse);
  const header = known?.written === written.header ? known : readProofHeader(written);
  const { algorithm, publicKey } = header;
  if (publicKey.thumbprint !== target.keyThumbprint) {
    throw refuse('is by another key than the one that the token is bound to');
  }
  if (!isSignedBy(written, algorithm, publicKey.key)) throw refuse('has a wrong signature');
  return { header, id: checkClaims(readPayload(written, refuse), target) };
}

function readProofHeader(written: WrittenToken): ProofHeader {
  const header = readHeader(written, MAX_HEADER_BYTES, refuse);
  if (!isType(header['typ'], 'dpop+jwt')) throw refuse('is of another type');
  const algorithm = algorithmOf(header, allTokenAlgorithms());
  if (algorithm === undefined) throw refuse('has an algorithm that is not accepted');
  const publicKey = keyOf(header['jwk']);
  if (!publicKey.fits(algorithm)) throw refuse('has a key that does not fit its algorithm');
  // A part of a text keeps all of it in memory, and this is kept with the token.
  const copy = Buffer.from(written.header, 'latin1').toString('latin1');
  return { written: copy, algorithm, publicKey };
}

function keyOf(jwk: unknown): PublicKey {
  if (typeof jwk !== 'object' || jwk === null) throw refuse('has no key');
  try {
    return readPublicKey(jwk as JsonObject);
  } catch (cause) {
    throw refuse('has a key that cannot be used', cause);
  }
}

/** @returns the proof's identity: `jti` is unique for its key alone. */
function checkClaims(
  { htm, htu, iat, jti, ath }: JsonObject,
  { httpMethod, url, tokenHash, keyThumbprint, nowMs, leewayMs }: ProofTarget,
): string {
  if (htm !== httpMethod) throw refuse('is for another method');
  if (typeof htu !== 'string' || !isSameUrl(htu, url)) throw refuse('is for another URL');
  if (ath !== tokenHash) throw refuse('is for another token');
  if (!Number.isSafeInteger(iat) || Math.abs(nowMs - (iat as number) * 1000) > leewayMs) {
    throw refuse('was made too long ago, or later than now');
  }
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_JTI_LENGTH) {
    throw refuse('has no jti, or too long a one');
  }
  return hash('sha256', `${keyThumbprint}.${jti}`, 'base64url');
}

function refuse(why: string, cause?: unknown): Error {
  return new ProofInvalid(`the DPoP proof ${why}`, { cause });
}
