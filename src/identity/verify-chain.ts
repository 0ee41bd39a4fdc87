import type { X509Certificate } from 'node:crypto';
import { IdentityDamaged, IdentityExpired } from './errors.ts';

/**
 * Makes sure that each certificate was signed by the next, the last one by itself, that all but the
 * first are CAs, and that all are in date.
 *
 * @param place where the chain is stored, for messages
 * @throws IdentityDamaged or IdentityExpired.
 */
export function verifyChain(
  place: string,
  certificates: readonly X509Certificate[],
  nowMs: number,
): void {
  for (const [index, certificate] of certificates.entries()) {
    const issuer = certificates[index + 1] ?? certificate;
    if (certificate.ca !== index > 0) {
      throw new IdentityDamaged(`${nameOf(certificate)} in ${place} has the wrong kind`);
    }
    if (!certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey)) {
      throw new IdentityDamaged(
        `${nameOf(certificate)} in ${place} was not signed by ${nameOf(issuer)}`,
      );
    }
    refuseOutOfDate(place, certificate, nowMs);
  }
}

function refuseOutOfDate(place: string, certificate: X509Certificate, nowMs: number): void {
  const { validFromDate: from, validToDate: to } = certificate;
  if (nowMs > to.getTime()) {
    throw new IdentityExpired(`${nameOf(certificate)} in ${place} expired on ${to.toISOString()}`);
  }
  if (nowMs < from.getTime()) {
    throw new IdentityExpired(
      `${nameOf(certificate)} in ${place} is not valid before ${from.toISOString()}`,
    );
  }
}

function nameOf(certificate: X509Certificate): string {
  return `"${certificate.subject.replaceAll('\n', ', ')}"`;
}
