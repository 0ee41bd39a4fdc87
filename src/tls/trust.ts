import type { X509Certificate } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { certificatesIn, isIssuedBy } from '#identity';
import type { ServerTls } from './server-options.ts';

/** Chains of clients have up to four certificates. */
const MAX_CHAIN = 10;

/** Whether under one configuration clients may have got in that would not under another. */
export function trustsMore(one: ServerTls, other: ServerTls): boolean {
  const still = new Set(certificatesIn(other.caPem).map(({ fingerprint256 }) => fingerprint256));
  return (
    certificatesIn(one.caPem).some(({ fingerprint256 }) => !still.has(fingerprint256)) ||
    !isDeepStrictEqual(one.crls, other.crls)
  );
}

/**
 * Whether a certificate that was verified once still leads to one of the authorities, by signatures:
 * its chain as the peer sent it is joined by names alone.
 */
export function leadsTo(leaf: X509Certificate, roots: readonly X509Certificate[]): boolean {
  let current = leaf;
  for (let depth = 0; depth < MAX_CHAIN; depth += 1) {
    if (roots.some((root) => isIssuedBy(current, root))) return true;
    const { issuerCertificate: issuer } = current;
    if (issuer === undefined || !isIssuedBy(current, issuer)) return false;
    current = issuer;
  }
  return false;
}
