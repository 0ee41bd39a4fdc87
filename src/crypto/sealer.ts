import type { KeyObject } from 'node:crypto';
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createSecretKey,
  randomBytes,
} from 'node:crypto';

/** What is sealed with one key can be opened by every process that has it. */
export interface Sealer {
  /**
   * A token that hides and authenticates a text, fit for HTTP headers and JSON: base64url.
   *
   * @param purpose keeps apart what is sealed for different uses.
   * @param context what the token is bound to, such as a principal; it is not in the token.
   */
  seal(purpose: string, context: readonly string[], plaintext: string): string;
  /** The text of a token that was sealed for this purpose and context; `null` for any other. */
  open(purpose: string, context: readonly string[], token: string): string | null;
}

/** Bytes of a sealing key. */
export const SEALING_KEY_BYTES = 32;

const CIPHER = 'aes-256-gcm';
const KEY_ID_BYTES = 4;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEAD_BYTES = KEY_ID_BYTES + NONCE_BYTES;

/**
 * Seals with AES-256-GCM (NIST SP 800-38D) under random 96-bit nonces, of which one key can take
 * 2^32; purpose and context are the additional data.
 *
 * @param keys of SEALING_KEY_BYTES each. The first seals, every one opens. They are copied, so that
 *   the caller can wipe them.
 * @throws TypeError without a key, or for one of another length.
 */
export function createSealer(keys: readonly Buffer[]): Sealer {
  const [first] = keys;
  if (first === undefined || keys.some((key) => key.length !== SEALING_KEY_BYTES)) {
    throw new TypeError(`a sealer needs keys of ${SEALING_KEY_BYTES} bytes`);
  }
  const firstId = keyId(first);
  const byId = new Map(keys.map((key) => [keyId(key).toString('hex'), createSecretKey(key)]));
  const sealing = createSecretKey(first);
  return {
    seal: (purpose, context, plaintext) => {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, sealing, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(additionalData(purpose, context));
      const sealed = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);
      return Buffer.concat([firstId, nonce, sealed, cipher.getAuthTag()]).toString('base64url');
    },
    open: (purpose, context, token) => {
      const bytes = Buffer.from(token, 'base64url');
      if (bytes.length < HEAD_BYTES + TAG_BYTES || bytes.toString('base64url') !== token) {
        return null;
      }
      const key = byId.get(bytes.toString('hex', 0, KEY_ID_BYTES));
      return key === undefined ? null : opened(key, bytes, additionalData(purpose, context));
    },
  };
}

function opened(key: KeyObject, bytes: Buffer, aad: Buffer): string | null {
  const nonce = bytes.subarray(KEY_ID_BYTES, HEAD_BYTES);
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(aad);
  decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
  try {
    const plain = decipher.update(bytes.subarray(HEAD_BYTES, -TAG_BYTES));
    return Buffer.concat([plain, decipher.final()]).toString('utf8');
  } catch {
    return null;
  }
}

/** Names a key without telling anything of it. */
function keyId(key: Buffer): Buffer {
  return createHash('sha256').update('postern sealing key\0').update(key).digest().subarray(0, 4);
}

/** The parts as JSON, so that no two lists of parts give the same bytes. */
function additionalData(purpose: string, context: readonly string[]): Buffer {
  return Buffer.from(JSON.stringify([purpose, ...context]));
}
