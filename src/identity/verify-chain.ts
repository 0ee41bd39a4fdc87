import type { X509Certificate } from 'node:crypto';
import { IdentityDamaged, IdentityExpired } from './errors.ts';

/**
 * Makes sure that each authority was signed by the next, the last one by itself, that all are CAs and
 * in date.
 *
 * @param place where the chain is stored, for messages
 * @throws IdentityDamaged or IdentityExpired.
 */
export function verifyAuthorities(
  place: string,
  certificates: readonly X509Certificate[],
  nowMs: number,
): void {
  for (const [index, certificate] of certificates.entries()) {
    if (!certificate.ca) {
      throw new IdentityDamaged(`${nameOf(certificate)} in ${place} has the wrong kind`);
    }
    verifySigned(place, certificate, certificates[index + 1] ?? certificate);
    refuseOutOfDate(place, certificate, nowMs);
  }
}

function verifySigned(place: string, certificate: X509Certificate, issuer: X509Certificate): void {
  if (certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)) return;
  throw new IdentityDamaged(
    `${nameOf(certificate)} in ${place} was not signed by ${nameOf(issuer)}`,
  );
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
