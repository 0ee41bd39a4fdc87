import type { KeyObject } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { ClientOffer, PeerCertificate, Profile, SignatureScheme, TlsLink } from '#crypto';
import { cipherByName, downgradesOf, groupById, signatureOfKey } from '#crypto';
import { describePeer } from '#identity';
import { LinkUnreadable } from './errors.ts';
import { kexGroupOfSession } from './session-der.ts';

/** What was known of a connection before its handshake. */
export interface HandshakeStart {
  readonly profile: Profile;
  readonly offer: ClientOffer;
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
  { profile, offer }: HandshakeStart,
): TlsLink {
  const protocol = socket.getProtocol();
  if (protocol !== 'TLSv1.3') throw new LinkUnreadable(`unexpected protocol ${protocol}`);
  const resumed = socket.isSessionReused();
  const negotiated = {
    group: groupOf(socket),
    // A resumed handshake shows no certificate, so neither side proved anything in it.
    localSignature: resumed ? null : schemeOf(socket.getX509Certificate()?.publicKey, 'own'),
    peerSignature: resumed ? null : peerSchemeOf(socket),
  };
  return {
    kind: 'tls',
    protocol,
    cipher: cipherOf(socket),
    ...negotiated,
    resumed,
    peer: peerCertificateOf(socket),
    handshakeMs,
    offer,
    downgrades: downgradesOf(profile, negotiated),
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

function peerSchemeOf(socket: TLSSocket): SignatureScheme | null {
  const certificate = socket.getPeerX509Certificate();
  return certificate === undefined ? null : schemeOf(certificate.publicKey, 'peer');
}

function schemeOf(key: KeyObject | undefined, whose: string): SignatureScheme {
  const scheme = signatureOfKey(key?.asymmetricKeyType, key?.asymmetricKeyDetails?.namedCurve);
  if (scheme === undefined) {
    throw new LinkUnreadable(`unknown ${whose} key type ${key?.asymmetricKeyType}`);
  }
  return scheme;
}

function peerCertificateOf(socket: TLSSocket): PeerCertificate | null {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined || !socket.authorized) return null;
  return describePeer(certificate);
}
