import type { X509Certificate } from 'node:crypto';

/** Whether one certificate names another as its issuer and was signed with that one's key. */
export function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}
