/** Signing of certificates. */
import type { KeyObject } from 'node:crypto';
import { randomBytes, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type * as X509 from '@peculiar/x509';
import { signatureOfKey } from '#crypto';
import { trustDomainConstraint } from './extensions.ts';
import { parseSpiffeId } from './spiffe.ts';
import type { Library } from './x509-library.ts';
import {
  keyIdentifier,
  loadLibrary,
  signerFor,
  signingKeyOf,
  spkiOf,
  subjectOf,
} from './x509-library.ts';

/**
 * What a certificate is for; it fixes the extensions (RFC 5280 §4.2). A `cross` certificate has the
 * name and key of a new root and is signed by the root before it.
 */
export type CertificateRole = 'root' | 'cross' | 'issuing' | 'gateway' | 'client';

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

const SERIAL_BYTES = 16;

/** How many authorities may follow before the end entity: cross and issuing, issuing, none. */
const PATH_LENGTH = { root: 2, cross: 1, issuing: 0 } as const;

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

function extensionsOf(
  x509: Library,
  request: CertificateRequest,
  issuer: Issuer,
): X509.Extension[] {
  const own = keyIdentifier(request.publicKey);
  const issuers = issuer.certificate === null ? own : keyIdentifier(issuer.certificate.publicKey);
  return [
    ...profileOf(x509, request),
    new x509.SubjectKeyIdentifierExtension(own),
    new x509.AuthorityKeyIdentifierExtension(issuers),
    new x509.SubjectAlternativeNameExtension([
      { type: 'url', value: request.spiffeId },
      ...request.names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }) as const),
    ]),
  ];
}

function profileOf(x509: Library, request: CertificateRequest): X509.Extension[] {
  const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
  switch (request.role) {
    case 'root':
    case 'cross':
    case 'issuing':
      return authority(x509, PATH_LENGTH[request.role], request);
    case 'gateway':
      return endEntity(x509, [serverAuth, clientAuth]);
    case 'client':
      return endEntity(x509, [clientAuth]);
  }
}

function authority(
  x509: Library,
  pathLength: number,
  { publicKey, spiffeId }: CertificateRequest,
): X509.Extension[] {
  const { keyCertSign, cRLSign } = x509.KeyUsageFlags;
  const { trustDomain } = parseSpiffeId(spiffeId);
  // RFC 5280 wants the constraint critical. Chromium knows none on URIs and refuses whatever stands
  // below a critical one, and it is the classical chain that it is shown.
  const critical = signatureOfKey(publicKey)?.quantumSafe === true;
  return [
    new x509.BasicConstraintsExtension(true, pathLength, true),
    new x509.KeyUsagesExtension(keyCertSign | cRLSign, true),
    trustDomainConstraint(x509, trustDomain, critical),
  ];
}

function endEntity(x509: Library, usages: X509.ExtendedKeyUsage[]): X509.Extension[] {
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension(usages),
  ];
}
