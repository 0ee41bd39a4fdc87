import type { TLSSocket } from 'node:tls';
import type { SignatureScheme } from '#crypto';
import { allSignatureSchemes, signatureOfKey } from '#crypto';
import type { ClientHello } from './client-hello/hello.ts';
import type { ServerTls } from './server-options.ts';

/**
 * With what the gateway signed a handshake, or `undefined` when that cannot be told.
 *
 * OpenSSL takes the first of the schemes that both sides have for which there is a certificate, and
 * tells that list for the connection. Only where the client also restricts the signatures within
 * certificates (`signature_algorithms_cert`, RFC 8446 §4.2.3) is the certificate itself looked at,
 * which decodes it anew: some 70 to 120 µs for ML-DSA.
 */
export function ownSignature(
  socket: TLSSocket,
  hello: ClientHello,
  { credentials }: Pick<ServerTls, 'credentials'>,
): SignatureScheme | undefined {
  if (hello.certificateSignatureAlgorithms !== null) return signatureShown(socket);
  for (const name of socket.getSharedSigalgs()) {
    const scheme = BY_SHARED_NAME.get(name);
    if (scheme === undefined) return signatureShown(socket);
    if (credentials.some((credential) => credential.scheme === scheme)) return scheme;
  }
  return signatureShown(socket);
}

function signatureShown(socket: TLSSocket): SignatureScheme | undefined {
  const certificate = socket.getX509Certificate();
  return certificate === undefined ? undefined : signatureOfKey(certificate.publicKey);
}

/** Schemes as Node names them in `getSharedSigalgs`; in TLS 1.3 the hash fixes the curve. */
const BY_SHARED_NAME: ReadonlyMap<string, SignatureScheme> = new Map(
  allSignatureSchemes().flatMap((scheme) => {
    const name = sharedNameOf(scheme);
    return name === undefined ? [] : [[name, scheme] as const];
  }),
);

function sharedNameOf({ name, keyType }: SignatureScheme): string | undefined {
  if (keyType.startsWith('ml-dsa-')) return `id-${keyType}+UNDEF`;
  const hash = /^ECDSA-.*-SHA(\d+)$/.exec(name)?.[1];
  return hash === undefined ? undefined : `ECDSA+SHA${hash}`;
}
