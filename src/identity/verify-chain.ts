import type { X509Certificate } from 'node:crypto';
import type { AuthorityChain } from './authorities.ts';
import { isIssuedBy } from './issued-by.ts';
import { IdentityDamaged, IdentityExpired } from './errors.ts';
import { formatSpiffeId, parseSpiffeId, spiffeIdOfCertificate } from './spiffe.ts';

/**
 * Makes sure that each authority was signed by the next, the last one by itself, and that all are CAs.
 *
 * @param place where the chain is stored, for messages
 * @throws IdentityDamaged
 */
export function verifyAuthorities(place: string, certificates: readonly X509Certificate[]): void {
  for (const [index, certificate] of certificates.entries()) {
    refuseEndEntity(place, certificate);
    verifySigned(place, certificate, certificates[index + 1] ?? certificate);
  }
}

/**
 * Makes sure that a former root is one. Its dates are left to those who verify under it.
 *
 * @throws IdentityDamaged
 */
export function verifyRoot(place: string, root: X509Certificate): void {
  refuseEndEntity(place, root);
  verifySigned(place, root, root);
}

/**
 * Makes sure that a cross-certificate is for the root's name and key and was signed by a former root.
 *
 * @throws IdentityDamaged
 */
export function verifyCross(
  place: string,
  cross: X509Certificate,
  root: X509Certificate,
  formerRoots: readonly X509Certificate[],
): void {
  refuseEndEntity(place, cross);
  const same = cross.subject === root.subject && cross.publicKey.equals(root.publicKey);
  const signer = formerRoots.find((former) => cross.checkIssued(former));
  if (same && signer !== undefined && cross.verify(signer.publicKey)) return;
  throw new IdentityDamaged(`${place} does not lead from a former root to ${nameOf(root)}`);
}

/**
 * The one trust domain that every certificate of a generation names.
 *
 * @throws IdentityDamaged when they name different ones, or none.
 */
export function trustDomainOf(
  place: string,
  chains: readonly AuthorityChain[],
  formerRoots: readonly X509Certificate[],
): string {
  const certificates = [
    ...chains.flatMap(({ root, issuing, cross }) => [
      root.certificate,
      issuing.certificate,
      ...(cross === null ? [] : [cross]),
    ]),
    ...formerRoots,
  ];
  const [first, ...others] = certificates.map((certificate) => spiffeIdOfCertificate(certificate));
  if (!first) throw new IdentityDamaged(`a root in ${place} has no SPIFFE id`);
  const { trustDomain } = parseSpiffeId(first);
  if ([first, ...others].some((id) => id !== formatSpiffeId(trustDomain))) {
    throw new IdentityDamaged(`certificates in ${place} have other SPIFFE ids`);
  }
  return trustDomain;
}

function refuseEndEntity(place: string, certificate: X509Certificate): void {
  if (certificate.ca) return;
  throw new IdentityDamaged(`${nameOf(certificate)} in ${place} has the wrong kind`);
}

function verifySigned(place: string, certificate: X509Certificate, issuer: X509Certificate): void {
  if (isIssuedBy(certificate, issuer)) return;
  throw new IdentityDamaged(
    `${nameOf(certificate)} in ${place} was not signed by ${nameOf(issuer)}`,
  );
}

/** Makes sure that an authority is in date. @throws IdentityExpired */
export function refuseOutOfDate(place: string, certificate: X509Certificate, nowMs: number): void {
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
