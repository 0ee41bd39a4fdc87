/** Signing of certificates. The library is loaded on first use: most starts only read certificates. */
import type { KeyObject } from 'node:crypto';
import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type * as X509 from '@peculiar/x509';
import { webAlgorithmOf, webSign } from './keys.ts';

/** What a certificate is for; it fixes the extensions (RFC 5280 §4.2). */
type CertificateRole = 'root' | 'issuing' | 'gateway' | 'client';

/** What to put into a certificate. */
export interface CertificateRequest {
  readonly role: CertificateRole;
  readonly commonName: string;
  readonly publicKey: KeyObject;
  readonly spiffeId: string;
  /** DNS names and IP addresses. */
  readonly names: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** Who signs. */
export interface Issuer {
  /** `null` for a certificate that signs itself. */
  readonly certificate: X509Certificate | null;
  readonly key: KeyObject;
}

type Library = typeof X509;

const SERIAL_BYTES = 16;

/** Signs a certificate. */
export async function issueCertificate(
  request: CertificateRequest,
  issuer: Issuer,
): Promise<X509Certificate> {
  const x509 = await loadLibrary();
  const subject = new x509.Name([{ O: ['Postern'] }, { CN: [request.commonName] }]);
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: randomBytes(SERIAL_BYTES).toString('hex'),
      subject,
      issuer: issuer.certificate === null ? subject : subjectOf(x509, issuer.certificate),
      notBefore: new Date(request.notBeforeMs),
      notAfter: new Date(request.notAfterMs),
      publicKey: spkiOf(request.publicKey),
      signingKey: signingKeyOf(issuer.key),
      extensions: extensionsOf(x509, request, issuer),
    },
    signerFor(issuer.key),
  );
  return new X509Certificate(Buffer.from(certificate.rawData));
}

/** The X.509 library. */
export async function loadLibrary(): Promise<Library> {
  // The library's dependency injection needs the metadata API to be there before it loads.
  await import('reflect-metadata');
  return import('@peculiar/x509');
}

function subjectOf(x509: Library, certificate: X509Certificate): X509.Name {
  return new x509.X509Certificate(certificate.raw).subjectName;
}

function extensionsOf(
  x509: Library,
  request: CertificateRequest,
  issuer: Issuer,
): X509.Extension[] {
  const own = keyIdentifier(request.publicKey);
  const issuers = issuer.certificate === null ? own : keyIdentifier(issuer.certificate.publicKey);
  return [
    ...profileOf(x509, request.role),
    new x509.SubjectKeyIdentifierExtension(own),
    new x509.AuthorityKeyIdentifierExtension(issuers),
    new x509.SubjectAlternativeNameExtension([
      { type: 'url', value: request.spiffeId },
      ...request.names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }) as const),
    ]),
  ];
}

function profileOf(x509: Library, role: CertificateRole): X509.Extension[] {
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  switch (role) {
    case 'root':
      return authority(x509, 1);
    case 'issuing':
      return authority(x509, 0);
    case 'gateway':
      return endEntity(x509, [serverAuth, clientAuth]);
    case 'client':
      return endEntity(x509, [clientAuth]);
  }
}

function authority(x509: Library, pathLength: number): X509.Extension[] {
  const { keyCertSign, cRLSign } = x509.KeyUsageFlags;
  return [
    new x509.BasicConstraintsExtension(true, pathLength, true),
    new x509.KeyUsagesExtension(keyCertSign | cRLSign, true),
  ];
}

function endEntity(x509: Library, usages: X509.ExtendedKeyUsage[]): X509.Extension[] {
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension(usages),
  ];
}

/** RFC 7093 §2, method 4: SHA-256 of the SubjectPublicKeyInfo. */
function keyIdentifier(key: KeyObject): string {
  return createHash('sha256').update(spkiOf(key)).digest('hex');
}

function spkiOf(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}

function signingKeyOf(key: KeyObject): CryptoKey {
  return { algorithm: webAlgorithmOf(key) } as unknown as CryptoKey;
}

/**
 * The one WebCrypto operation that the library uses to sign, done by node:crypto: Node's own
 * WebCrypto warns on stderr that ML-DSA is experimental.
 */
function signerFor(key: KeyObject): Crypto {
  const subtle = {
    sign: (_algorithm: unknown, _key: unknown, data: ArrayBuffer): Promise<Uint8Array> =>
      Promise.resolve(webSign(key, new Uint8Array(data))),
  };
  return { subtle } as unknown as Crypto;
}
