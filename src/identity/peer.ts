import type { X509Certificate } from 'node:crypto';
import type { PeerCertificate } from '#crypto';
import { spiffeIdOfCertificate } from './spiffe.ts';

/** What policy and record say of a certificate that the handshake verified. */
export function describePeer(certificate: X509Certificate): PeerCertificate {
  return {
    subject: certificate.subject.replaceAll('\n', ', '),
    spiffeId: spiffeIdOfCertificate(certificate),
    serialNumber: certificate.serialNumber,
    fingerprint256: certificate.fingerprint256,
    certificateSignature: certificate.signatureAlgorithm ?? 'unknown',
    notAfterMs: certificate.validToDate.getTime(),
  };
}
