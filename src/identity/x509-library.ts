/** The X.509 library, with node:crypto doing its cryptography. It is loaded on first use. */
import type { KeyObject, X509Certificate } from 'node:crypto';
import { createHash } from 'node:crypto';
import type * as X509 from '@peculiar/x509';
import { webAlgorithmOf, webSign } from './keys.ts';

/** What the library exports. */
export type Library = typeof X509;

/** Loads the library, some 25 MB of memory: most starts only read certificates, which Node does. */
export async function loadLibrary(): Promise<Library> {
  // The library's dependency injection needs the metadata API to be there before it loads.
  await import('reflect-metadata');
  return import('@peculiar/x509');
}

/** The subject of a certificate, in the encoding that it has there. */
export function subjectOf(x509: Library, certificate: X509Certificate): X509.Name {
  return new x509.X509Certificate(certificate.raw).subjectName;
}

/** RFC 7093 §2, method 4: SHA-256 of the SubjectPublicKeyInfo. */
export function keyIdentifier(key: KeyObject): string {
  return createHash('sha256').update(spkiOf(key)).digest('hex');
}

/** A public key as DER. */
export function spkiOf(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}

/** A key as far as the library looks at it: by its algorithm. {@link signerFor} has the key itself. */
export function signingKeyOf(key: KeyObject): CryptoKey {
  return { algorithm: webAlgorithmOf(key) } as unknown as CryptoKey;
}

/**
 * The one WebCrypto operation that the library uses to sign, done by node:crypto: Node's own
 * WebCrypto warns on stderr that ML-DSA is experimental.
 */
export function signerFor(key: KeyObject): Crypto {
  const subtle = {
    sign: (_algorithm: unknown, _key: unknown, data: ArrayBuffer): Promise<Uint8Array> =>
      Promise.resolve(webSign(key, new Uint8Array(data))),
  };
  return { subtle } as unknown as Crypto;
}
