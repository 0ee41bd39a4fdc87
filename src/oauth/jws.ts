import type { KeyObject } from 'node:crypto';
import type { TokenAlgorithm } from '#crypto';
import { tokenAlgorithmByName, verifyTokenSignature } from '#crypto';
import { readObject } from '#mcp';
import { isBase64url } from './base64url.ts';

/** A JSON object from outside. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Makes the error that refuses a text; `why` goes on with "the access token" or "the DPoP proof". */
export type Refuse = (why: string, cause?: unknown) => Error;

/** A signed JSON Web Token as it was written. Nothing of it is verified. */
export interface WrittenToken {
  /** The first part, still encoded. */
  readonly header: string;
  readonly payload: string;
  readonly signature: string;
}

/** Real ones have five members at most; nothing nests but a key. */
const HEADER_LIMITS = { maxDepth: 4, maxKeys: 32, maxKeyBytes: 64, maxNumberBytes: 32 };
const PAYLOAD_LIMITS = { maxDepth: 16, maxKeys: 1000, maxKeyBytes: 512, maxNumberBytes: 64 };

/**
 * Parameters that would change how the rest is to be read (`crit`, `b64`, `zip`, `enc`), or tell where a
 * key is to be had by the one who has to be verified. None is needed, so none is taken.
 */
const REFUSED_PARAMETERS = ['crit', 'b64', 'zip', 'enc', 'jku', 'x5u', 'x5c'] as const;

/** @throws what `refuse` makes, unless it is a JWS in compact serialization (RFC 7515 §3.1). */
export function splitToken(text: string, refuse: Refuse): WrittenToken {
  const parts = text.split('.', 6);
  if (parts.length === 5) throw refuse('is encrypted');
  if (parts.length !== 3) throw refuse('is no JSON Web Token of three parts');
  const [header, payload, signature] = parts;
  if (!isBase64url(header) || !isBase64url(payload) || !isBase64url(signature)) {
    throw refuse('is not written in base64url, or has an empty part');
  }
  return { header, payload, signature };
}

/** @throws what `refuse` makes, unless every parser reads the header alike and it wants nothing odd. */
export function readHeader({ header }: WrittenToken, maxBytes: number, refuse: Refuse): JsonObject {
  const read = readPart(header, { ...HEADER_LIMITS, maxBytes }, 'header', refuse);
  const odd = REFUSED_PARAMETERS.find((name) => Object.hasOwn(read, name));
  if (odd !== undefined) throw refuse(`has the header parameter ${odd}`);
  return read;
}

/** @throws what `refuse` makes, unless every parser reads the claims alike. */
export function readPayload({ payload }: WrittenToken, refuse: Refuse): JsonObject {
  return readPart(payload, { ...PAYLOAD_LIMITS, maxBytes: Infinity }, 'payload', refuse);
}

/** The algorithm that a header names, if it is among those that are allowed. */
export function algorithmOf(
  { alg }: JsonObject,
  allowed: readonly TokenAlgorithm[],
): TokenAlgorithm | undefined {
  const named = typeof alg === 'string' ? tokenAlgorithmByName(alg) : undefined;
  return named !== undefined && allowed.includes(named) ? named : undefined;
}

/** Whether a `typ` is this media type, with or without `application/` (RFC 7515 §4.1.9). */
export function isType(typ: unknown, expected: string): boolean {
  if (typeof typ !== 'string') return false;
  const type = typ.toLowerCase();
  return type === expected || type === `application/${expected}`;
}

/** Whether a key signed header and payload exactly as they are written. */
export function isSignedBy(
  { header, payload, signature }: WrittenToken,
  algorithm: TokenAlgorithm,
  key: KeyObject,
): boolean {
  const data = Buffer.from(`${header}.${payload}`, 'latin1');
  return verifyTokenSignature(algorithm, key, data, Buffer.from(signature, 'base64url'));
}

function readPart(
  encoded: string,
  limits: typeof HEADER_LIMITS & { maxBytes: number },
  part: string,
  refuse: Refuse,
): JsonObject {
  if (encoded.length * 0.75 > limits.maxBytes) throw refuse(`has too large a ${part}`);
  let value: JsonObject | null;
  try {
    value = readObject(Buffer.from(encoded, 'base64url'), limits);
  } catch (cause) {
    throw refuse(`has a ${part} that parsers may read differently, or that is no JSON`, cause);
  }
  if (value === null) throw refuse(`has a ${part} that is no object`);
  return value;
}
