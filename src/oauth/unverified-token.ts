import type { TokenAlgorithm } from '#crypto';
import { TokenMalformed, TokenUntrusted } from './errors.ts';
import type { JsonObject, WrittenToken } from './jws.ts';
import { algorithmOf, readHeader, readPayload, splitToken } from './jws.ts';
import type { TrustedIssuer } from './model.ts';

/** An access token of which only the form was checked, and which issuer's it says to be. */
export interface UnverifiedToken {
  readonly written: WrittenToken;
  readonly header: JsonObject;
  readonly payload: JsonObject;
  readonly issuer: TrustedIssuer;
  readonly algorithm: TokenAlgorithm;
  /** The key that it says to be signed with, opaque; `null` when it does not say. */
  readonly kid: string | null;
}

const MAX_HEADER_BYTES = 2 * 1024;

/**
 * Reads an access token up to the point where a key is needed.
 *
 * @throws TokenMalformed, or TokenUntrusted when its issuer or algorithm is not one that is trusted.
 */
export function readToken(
  text: string,
  issuers: ReadonlyMap<string, TrustedIssuer>,
): UnverifiedToken {
  const written = splitToken(text, malformed);
  const header = readHeader(written, MAX_HEADER_BYTES, malformed);
  if (Object.hasOwn(header, 'jwk')) throw malformed('has the header parameter jwk');
  const { kid = null } = header as { kid?: unknown };
  if (kid !== null && typeof kid !== 'string') throw malformed('has a kid that is no text');
  const payload = freeze(readPayload(written, malformed));
  const { iss } = payload as { iss?: unknown };
  const issuer = typeof iss === 'string' ? issuers.get(iss) : undefined;
  if (issuer === undefined) throw new TokenUntrusted('the access token is of no trusted issuer');
  const algorithm = algorithmOf(header, issuer.algorithms);
  if (algorithm === undefined) {
    throw new TokenUntrusted('the access token is signed with an algorithm that is not accepted');
  }
  return { written, header, payload, issuer, algorithm, kid };
}

/** Its depth was bounded when it was read. */
function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const member of Object.values(value)) freeze(member);
  return Object.freeze(value);
}

function malformed(why: string, cause?: unknown): Error {
  return new TokenMalformed(`the access token ${why}`, { cause });
}
