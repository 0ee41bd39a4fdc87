import type { KeyObject } from 'node:crypto';
import { createPublicKey } from 'node:crypto';
import type * as X509 from '@peculiar/x509';
import { signatureOfKey } from '#crypto';
import type { ClientAlgorithm } from '../client.ts';
import { CertificateRequestRefused } from '../errors.ts';
import { loadLibrary } from '../x509-library.ts';
import { webVerify } from '../keys.ts';
import { CLIENT_ALGORITHMS, clientAlgorithmOf } from './algorithms.ts';

/** What counts of a request for a certificate. Its sender has the private key. */
export interface ReadRequest {
  readonly publicKey: KeyObject;
  readonly algorithm: ClientAlgorithm;
  /** By what the sender would like to be called: common names, and SPIFFE ids. */
  readonly commonNames: readonly string[];
  readonly spiffeIds: readonly string[];
}

/**
 * Reads a request for a certificate (PKCS#10, RFC 2986) and verifies its signature, which proves that
 * the sender has the key. The library bounds depth (100) and number (10,000) of elements.
 *
 * @throws CertificateRequestRefused for whatever is not a sound request with a key that clients have.
 */
export async function readCertificateRequest(der: Uint8Array): Promise<ReadRequest> {
  const x509 = await loadLibrary();
  const request = attempt(() => new x509.Pkcs10CertificateRequest(der));
  const publicKey = attempt(() => publicKeyOf(request));
  const algorithm = clientAlgorithmOf(signatureOfKey(publicKey));
  if (algorithm === undefined) {
    throw refused(`the key is none of ${CLIENT_ALGORITHMS.join(', ')}`);
  }
  if (!(await request.verify(verifierFor(publicKey)).catch(() => false))) {
    throw refused('the signature of the request does not verify');
  }
  return { publicKey, algorithm, ...attempt(() => namesIn(x509, request)) };
}

function publicKeyOf(request: X509.Pkcs10CertificateRequest): KeyObject {
  const key = Buffer.from(request.publicKey.rawData);
  return createPublicKey({ key, format: 'der', type: 'spki' });
}

function namesIn(
  x509: typeof X509,
  request: X509.Pkcs10CertificateRequest,
): Pick<ReadRequest, 'commonNames' | 'spiffeIds'> {
  const uris = request.extensions
    .filter((extension) => extension instanceof x509.SubjectAlternativeNameExtension)
    .flatMap((extension) => extension.names.items)
    .filter(({ type }) => type === 'url')
    .map(({ value }) => value);
  return {
    commonNames: request.subjectName.getField('CN'),
    spiffeIds: uris.filter((uri) => /^spiffe:/i.test(uri)),
  };
}

/**
 * The WebCrypto operations that the library uses to verify, done by node:crypto. The key decides the
 * algorithm; what the request says of it is not asked.
 */
function verifierFor(key: KeyObject): Crypto {
  const subtle = {
    importKey: (): Promise<KeyObject> => Promise.resolve(key),
    verify: (_algorithm: unknown, _key: unknown, signature: ArrayBuffer, data: ArrayBuffer) =>
      Promise.resolve(webVerify(key, new Uint8Array(data), new Uint8Array(signature))),
  };
  return { subtle } as unknown as Crypto;
}

function attempt<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw refused('the request is no well-formed PKCS#10', cause);
  }
}

function refused(message: string, cause?: unknown): Error {
  return new CertificateRequestRefused(message, { cause });
}
