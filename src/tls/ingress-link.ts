import type { TLSSocket } from 'node:tls';
import type { PeerCertificate, SignatureScheme, TlsLink } from '#crypto';
import { cipherByName, downgradesOf, groupById, signatureOfKey } from '#crypto';
import { describePeer } from '#identity';
import type { ClientHello } from './client-hello/hello.ts';
import { LinkUnreadable } from './errors.ts';
import { offerOf } from './offer.ts';
import { ownSignature } from './own-signature.ts';
import type { ServerTls } from './server-options.ts';
import { kexGroupOfSession } from './session-der.ts';

/** What was known of a connection before its handshake. */
export interface HandshakeStart {
  readonly hello: ClientHello;
  /** What was in force when it came. */
  readonly tls: ServerTls;
}

/**
 * What the handshake of a server-side socket negotiated, read from the session.
 *
 * @param handshakeMs from the connection's hello to now.
 * @throws LinkUnreadable when anything that policy decides on cannot be read: deny, never assume.
 */
export function readIngressLink(
  socket: TLSSocket,
  handshakeMs: number,
  { hello, tls }: HandshakeStart,
): TlsLink {
  const protocol = socket.getProtocol();
  if (protocol !== 'TLSv1.3') throw new LinkUnreadable(`unexpected protocol ${protocol}`);
  const resumed = socket.isSessionReused();
  const negotiated = {
    group: groupOf(socket),
    // A resumed handshake shows no certificate, so neither side proved anything in it.
    localSignature: resumed ? null : ownSchemeOf(socket, hello, tls),
    peerSignature: resumed ? null : peerSchemeOf(socket),
  };
  return {
    kind: 'tls',
    protocol,
    cipher: cipherOf(socket),
    ...negotiated,
    secondPeerSignature: null,
    resumed,
    peer: peerCertificateOf(socket),
    handshakeMs,
    offer: offerOf(hello),
    downgrades: downgradesOf(tls.profile, negotiated),
  };
}

function cipherOf(socket: TLSSocket): TlsLink['cipher'] {
  const { standardName } = socket.getCipher();
  const cipher = cipherByName(standardName);
  if (cipher === undefined) throw new LinkUnreadable(`unknown cipher suite ${standardName}`);
  return cipher;
}

function groupOf(socket: TLSSocket): TlsLink['group'] {
  const session = socket.getSession();
  if (session === undefined) throw new LinkUnreadable('the connection has no session');
  const id = kexGroupOfSession(session);
  // The session DER holds the resumption secret, so it does not outlive this look.
  session.fill(0);
  const group = id === undefined ? undefined : groupById(id);
  if (group === undefined) throw new LinkUnreadable(`unknown key-exchange group ${id}`);
  return group;
}

function ownSchemeOf(socket: TLSSocket, hello: ClientHello, tls: ServerTls): SignatureScheme {
  const scheme = ownSignature(socket, hello, tls);
  if (scheme === undefined) throw new LinkUnreadable('it is not clear what signed the handshake');
  return scheme;
}

function peerSchemeOf(socket: TLSSocket): SignatureScheme | null {
  const key = socket.getPeerX509Certificate()?.publicKey;
  if (key === undefined) return null;
  const scheme = signatureOfKey(key);
  if (scheme !== undefined) return scheme;
  throw new LinkUnreadable(`the client's key is of the unknown type ${key.asymmetricKeyType}`);
}

function peerCertificateOf(socket: TLSSocket): PeerCertificate | null {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined || !socket.authorized) return null;
  return describePeer(certificate);
}
