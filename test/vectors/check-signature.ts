import assert from 'node:assert/strict';
import type { KeyObject } from 'node:crypto';
import { constants, createPrivateKey, createPublicKey, hash, sign, verify } from 'node:crypto';
import type { SignatureScheme } from '#crypto';
import { signatureOfKey } from '#crypto';
import { flipped, oidDer, unhex } from './bytes.ts';
import { offerOf } from './handshake.ts';
import { codePoints, EXTENSION } from './hello.ts';

/** Bytes in hexadecimal. Either a seed with the digest of its public key, or a public key. */
export interface SignatureVectors {
  readonly seed?: string;
  readonly publicKeySha256?: string;
  /** SubjectPublicKeyInfo. */
  readonly publicKey?: string;
  readonly signatures: readonly SignatureVector[];
}

interface SignatureVector {
  readonly message: string;
  readonly context?: string;
  readonly signature: string;
}

export async function checkSignature(
  row: SignatureScheme,
  { seed, publicKey, publicKeySha256, signatures }: SignatureVectors,
): Promise<void> {
  assert.ok(signatures.length > 0);
  const key =
    publicKey === undefined
      ? keyOfSeed(row, seed ?? '', publicKeySha256 ?? '')
      : createPublicKey({ key: unhex(publicKey), format: 'der', type: 'spki' });
  assert.equal(signatureOfKey(key), row);
  for (const vector of signatures) checkVector(row, key, vector);
  await assertOffered(row);
}

/** The public key; what the private one signs is verified by it. */
function keyOfSeed(row: SignatureScheme, seed: string, publicKeySha256: string): KeyObject {
  const privateKey = createPrivateKey({
    key: unhex(seed),
    format: row.keyType.startsWith('ml-') ? 'raw-seed' : 'raw-private',
    asymmetricKeyType: row.keyType as 'ed25519',
  });
  const publicKey = createPublicKey(privateKey);
  assert.equal(hash('sha256', publicKey.export({ format: 'raw-public' }), 'hex'), publicKeySha256);
  assert.ok(publicKey.export({ format: 'der', type: 'spki' }).includes(oidDer(row.oid)));
  const message = Buffer.from('made here');
  assert.ok(verify(null, message, publicKey, sign(null, message, privateKey)));
  return publicKey;
}

function checkVector(row: SignatureScheme, publicKey: KeyObject, vector: SignatureVector): void {
  const [message, signature] = [unhex(vector.message), unhex(vector.signature)];
  const context = vector.context === undefined ? undefined : unhex(vector.context);
  const valid = (over: Buffer, by: Buffer, within = context): boolean =>
    verify(
      digestOf(row),
      over,
      { key: publicKey, ...paddingOf(row), ...(within && { context: within }) },
      by,
    );
  assert.ok(valid(message, signature));
  assert.ok(!valid(flipped(message, 0), signature), 'another message');
  assert.ok(!valid(message, flipped(signature, signature.length >> 1)), 'another signature');
  if (context !== undefined) assert.ok(!valid(message, signature, Buffer.from('another')));
}

/** The hash that the scheme's name ends in, `null` where the algorithm has its own. */
function digestOf({ opensslName }: SignatureScheme): string | null {
  return /_(sha\d+)$/.exec(opensslName)?.[1] ?? null;
}

/** RFC 8446 §4.2.3 makes the salt as long as the digest. */
function paddingOf({ keyType }: SignatureScheme) {
  if (!keyType.startsWith('rsa')) return {};
  return {
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
  };
}

/** OpenSSL puts the row's code point on the wire for the row's name. */
async function assertOffered({ opensslName, ianaId }: SignatureScheme): Promise<void> {
  const offer = await offerOf({ sigalgs: opensslName });
  assert.deepEqual(codePoints(offer.get(EXTENSION.signatureAlgorithms)), [ianaId]);
}
