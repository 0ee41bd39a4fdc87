import assert from 'node:assert/strict';
import type { CipherGCMTypes } from 'node:crypto';
import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { Cipher } from '#crypto';
import { groupByName } from '#crypto';
import { flipped, unhex } from './bytes.ts';
import { handshakeSecrets } from './handshake.ts';

/** All in hexadecimal. */
export interface CipherVector {
  readonly key: string;
  readonly nonce: string;
  readonly additionalData: string;
  readonly plaintext: string;
  readonly ciphertext: string;
  readonly tag: string;
}

/** The AEAD by its known answer; the suite by a handshake, whose secrets need its hash. */
export async function checkCipher(row: Cipher, vector: CipherVector): Promise<void> {
  // The types know ChaCha20-Poly1305 by another overload with the same shape.
  const aead = row.aliases[0]?.toLowerCase() as CipherGCMTypes;
  assert.equal(unhex(vector.key).length * 8, row.keyBits);
  const cipher = createCipheriv(aead, unhex(vector.key), unhex(vector.nonce), {
    authTagLength: 16,
  });
  cipher.setAAD(unhex(vector.additionalData));
  assert.equal(
    cipher.update(vector.plaintext, 'hex', 'hex') + cipher.final('hex'),
    vector.ciphertext,
  );
  assert.equal(cipher.getAuthTag().toString('hex'), vector.tag);
  assert.equal(open(aead, vector, unhex(vector.tag)), vector.plaintext);
  assert.throws(() => open(aead, vector, flipped(unhex(vector.tag), 15)), /authenticate/);
  const x25519 = groupByName('X25519') ?? assert.fail('no group');
  const { ours, openssls } = await handshakeSecrets(x25519, ['X25519'], row);
  assert.equal(ours, openssls);
}

function open(aead: CipherGCMTypes, vector: CipherVector, tag: Buffer): string {
  const options = { authTagLength: 16 };
  const decipher = createDecipheriv(aead, unhex(vector.key), unhex(vector.nonce), options);
  decipher.setAAD(unhex(vector.additionalData));
  decipher.setAuthTag(tag);
  return decipher.update(vector.ciphertext, 'hex', 'hex') + decipher.final('hex');
}
