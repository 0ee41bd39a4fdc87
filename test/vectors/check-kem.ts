import assert from 'node:assert/strict';
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  decapsulate,
  encapsulate,
  hash,
} from 'node:crypto';
import type { RegistryRow } from '#crypto';
import { flipped, oidDer, unhex } from './bytes.ts';

type Kem = Extract<RegistryRow, { kind: 'kem' }>;

/** Bytes in hexadecimal. */
export interface KemVectors {
  /** d and z of FIPS 203, algorithm 16. */
  readonly seed: string;
  readonly encapsulationKeyBytes: number;
  readonly encapsulationKeySha256: string;
  readonly ciphertext: string;
  readonly sharedKey: string;
  /** What comes of the ciphertext with the lowest bit of one byte flipped. */
  readonly modified: { readonly at: number; readonly sharedKey: string };
}

export function checkKem({ keyType, oid }: Kem, vectors: KemVectors): void {
  const seed = unhex(vectors.seed);
  const privateKey = createPrivateKey({
    key: seed,
    format: 'raw-seed',
    asymmetricKeyType: keyType as 'ml-kem-768',
  });
  const publicKey = createPublicKey(privateKey);
  const raw = publicKey.export({ format: 'raw-public' });
  assert.equal(raw.length, vectors.encapsulationKeyBytes);
  assert.equal(hash('sha256', raw, 'hex'), vectors.encapsulationKeySha256);
  assert.ok(publicKey.export({ format: 'der', type: 'spki' }).includes(oidDer(oid)));

  const ciphertext = unhex(vectors.ciphertext);
  assert.equal(decapsulate(privateKey, ciphertext).toString('hex'), vectors.sharedKey);
  const modified = flipped(ciphertext, vectors.modified.at);
  const rejected = decapsulate(privateKey, modified).toString('hex');
  assert.equal(rejected, vectors.modified.sharedKey);
  assert.equal(rejected, implicitRejection(seed, modified));
  assert.throws(() => decapsulate(privateKey, ciphertext.subarray(1)));

  const fresh = encapsulate(publicKey);
  assert.equal(fresh.ciphertext.length, ciphertext.length);
  assert.deepEqual(decapsulate(privateKey, fresh.ciphertext), fresh.sharedKey);
}

/** J(z ‖ c) (FIPS 203, algorithm 18, step 7). */
function implicitRejection(seed: Buffer, ciphertext: Buffer): string {
  const j = createHash('shake256', { outputLength: 32 });
  return j.update(seed.subarray(32)).update(ciphertext).digest('hex');
}
