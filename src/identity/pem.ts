import { X509Certificate } from 'node:crypto';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Every certificate of a PEM text. @throws Error for one that OpenSSL cannot read. */
export function certificatesIn(pem: string): readonly X509Certificate[] {
  return [...pem.matchAll(CERTIFICATE)].map(([block]) => new X509Certificate(block));
}

/** DER of every certificate of a PEM text. */
export function derOf(pem: string): readonly Uint8Array[] {
  return certificatesIn(pem).map(({ raw }) => raw);
}
