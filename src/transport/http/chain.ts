import { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls';

/** Chains of real servers have up to four certificates. */
const MAX_CHAIN = 10;

/** The peer's certificate and its issuers; those that it did not send come from the trusted ones. */
export function chainOf(socket: TLSSocket): readonly X509Certificate[] {
  const chain: X509Certificate[] = [];
  let current: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (current?.raw !== undefined && chain.length < MAX_CHAIN) {
    chain.push(new X509Certificate(current.raw));
    // A root is its own issuer.
    const { issuerCertificate }: Partial<DetailedPeerCertificate> = current;
    current = issuerCertificate === current ? undefined : issuerCertificate;
  }
  return chain;
}
