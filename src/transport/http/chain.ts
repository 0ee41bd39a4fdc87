import { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';
import { isIssuedBy } from '#identity';

/** Chains of real servers have up to four certificates. */
const MAX_CHAIN = 10;

/**
 * The peer's certificate and its issuers; those that it did not send come from the trusted ones.
 *
 * Node.js puts the chain together by names, and servers may send anything under any name: it ends
 * here with the last certificate that is proven by a signature.
 */
export function chainOf(socket: TLSSocket): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  let current: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (current?.raw !== undefined && chain.length < MAX_CHAIN) {
    const certificate = new X509Certificate(current.raw);
    const issued = chain.at(-1);
    if (issued !== undefined && !isIssuedByAuthority(issued, certificate)) break;
    chain.push(certificate);
    // A root is its own issuer.
    const { issuerCertificate }: Partial<DetailedPeerCertificate> = current;
    current = issuerCertificate === current ? undefined : issuerCertificate;
  }
  return chain;
}

/** Whether an authority has signed a certificate. */
export function isIssuedByAuthority(
  certificate: X509Certificate,
  issuer: X509Certificate,
): boolean {
  return issuer.ca && isIssuedBy(certificate, issuer);
}
