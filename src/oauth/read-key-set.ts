import { tokenAlgorithmByName } from '#crypto';
import { readObject } from '#mcp';
import { KeySetInvalid } from './errors.ts';
import { readPublicKey, UnusableKey } from './jwk.ts';
import type { JsonObject } from './jws.ts';
import type { IssuerKey } from './key-set.ts';
import { KeySet } from './key-set.ts';

/** What a JSON Web Key Set holds. */
export interface ReadKeySet {
  readonly keys: KeySet;
  /** Why keys in it are not used, one text each, which quotes nothing of them. */
  readonly unused: readonly string[];
}

/** Issuers have two to five at a time. */
const MAX_KEYS = 64;
const MAX_KID_LENGTH = 256;
const LIMITS = { maxDepth: 8, maxKeys: 2000, maxKeyBytes: 512, maxNumberBytes: 64 };

/**
 * Reads a JSON Web Key Set (RFC 7517 §5). Keys of other kinds or for other uses are left out, and so is
 * one whose private part was published: whoever saw it can sign.
 *
 * @throws KeySetInvalid when it is no such set, too large, or no key in it can be used.
 */
export function readKeySet(bytes: Buffer, maxBytes: number): ReadKeySet {
  const members = membersOf(bytes, maxBytes);
  const keys: IssuerKey[] = [];
  const unused: string[] = [];
  for (const [index, member] of members.entries()) {
    try {
      keys.push(readKey(member));
    } catch (thrown) {
      if (!(thrown instanceof UnusableKey)) throw thrown;
      unused.push(`key ${index + 1} is not used: ${thrown.message}`);
    }
  }
  if (keys.length === 0) {
    throw new KeySetInvalid('the key set has no key that can be used', { details: { unused } });
  }
  return { keys: new KeySet(keys), unused };
}

function membersOf(bytes: Buffer, maxBytes: number): readonly unknown[] {
  let set: JsonObject | null;
  try {
    set = readObject(bytes, { ...LIMITS, maxBytes });
  } catch (cause) {
    throw new KeySetInvalid('the key set is no JSON within the limits', { cause });
  }
  const members = set?.['keys'];
  if (!Array.isArray(members)) throw new KeySetInvalid('it is no JSON Web Key Set');
  if (members.length > MAX_KEYS) {
    throw new KeySetInvalid(`the key set has more than ${MAX_KEYS} keys`);
  }
  return members;
}

function readKey(member: unknown): IssuerKey {
  if (typeof member !== 'object' || member === null) throw new UnusableKey('it is no object');
  const { kid = null, use = 'sig', key_ops: uses = ['verify'], alg } = member as JsonObject;
  if (use !== 'sig' || !Array.isArray(uses) || !uses.includes('verify')) {
    throw new UnusableKey('it is for another use');
  }
  if (kid !== null && (typeof kid !== 'string' || kid.length > MAX_KID_LENGTH)) {
    throw new UnusableKey('its kid is no text, or too long');
  }
  const publicKey = readPublicKey(member as JsonObject);
  const algorithm = typeof alg === 'string' ? tokenAlgorithmByName(alg) : undefined;
  if (alg !== undefined && (algorithm === undefined || !publicKey.fits(algorithm))) {
    throw new UnusableKey('its algorithm is not one for tokens, or not one for such a key');
  }
  return { ...publicKey, kid, algorithm: algorithm ?? null };
}
