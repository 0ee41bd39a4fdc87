import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { isLoopback } from '#config';
import type { PlainLink, Profile, SignatureScheme, TlsLink } from '#crypto';
import { cipherByName, downgradesOf, groupByName, signatureOfKey } from '#crypto';
import { describePeer } from '#identity';
import { UpstreamLinkRefused } from '../errors.ts';

/**
 * What the client side of a finished handshake negotiated.
 *
 * @param localSignature scheme of the client credential, for a server that asks for one: the client
 *   side cannot see whether it did.
 * @throws UpstreamLinkRefused when anything cannot be read or the certificate did not verify.
 */
export function readEgressLink(
  socket: TLSSocket,
  handshakeMs: number,
  profile: Profile,
  localSignature: SignatureScheme | null,
): TlsLink {
  if (!socket.authorized) throw unreadable('the certificate is not verified');
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) throw unreadable('the server showed no certificate');
  const peerSignature = signatureOfKey(certificate.publicKey);
  if (peerSignature === undefined) throw unreadable('the certificate has an unknown kind of key');
  const protocol = socket.getProtocol();
  if (protocol === null) throw unreadable('the protocol version is unknown');
  const negotiated = { group: groupOf(socket), localSignature, peerSignature };
  return {
    kind: 'tls',
    protocol,
    cipher: cipherOf(socket),
    ...negotiated,
    secondPeerSignature: null,
    resumed: socket.isSessionReused(),
    peer: describePeer(certificate),
    handshakeMs,
    offer: null,
    downgrades: downgradesOf(profile, negotiated),
  };
}

/**
 * An unencrypted hop, which must not leave the machine.
 *
 * @throws UpstreamLinkRefused when the other end is not on the loopback interface.
 */
export function readPlainLink(socket: Socket): PlainLink {
  if (!isLoopback(socket.remoteAddress ?? '')) {
    throw new UpstreamLinkRefused('plain HTTP is for servers on this machine alone', {
      hint: 'Give the server a certificate and use an https: URL.',
    });
  }
  return { kind: 'plain', loopback: true };
}

function cipherOf(socket: TLSSocket): TlsLink['cipher'] {
  const cipher = cipherByName(socket.getCipher().standardName);
  if (cipher === undefined) throw unreadable('the cipher suite is unknown');
  return cipher;
}

function groupOf(socket: TLSSocket): TlsLink['group'] {
  const info = socket.getEphemeralKeyInfo();
  const name = info !== null && 'name' in info ? info.name : undefined;
  // Classical curves are named there as OpenSSL names their keys; the registry knows those names.
  const group = typeof name === 'string' ? groupByName(name) : undefined;
  if (group === undefined) throw unreadable('the key-exchange group is unknown');
  return group;
}

function unreadable(reason: string): Error {
  return new UpstreamLinkRefused(`the TLS link to the server cannot be judged: ${reason}`);
}
