import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { isLoopback } from '#config';
import type { PlainLink, SignatureScheme, TlsLink } from '#crypto';
import { groupByName, signatureOfKey } from '#crypto';
import { describePeer } from '#identity';
import { UpstreamLinkRefused } from '../errors.ts';

/** `getEphemeralKeyInfo` names classical curves as OpenSSL's keys do, not as TLS groups. */
const CURVES: Readonly<Record<string, string>> = {
  prime256v1: 'P-256',
  secp384r1: 'P-384',
  secp521r1: 'P-521',
};

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
  localSignature: SignatureScheme | null,
): TlsLink {
  if (!socket.authorized) throw unreadable('the certificate is not verified');
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) throw unreadable('the server showed no certificate');
  const { asymmetricKeyType, asymmetricKeyDetails } = certificate.publicKey;
  const peerSignature = signatureOfKey(asymmetricKeyType, asymmetricKeyDetails?.namedCurve);
  if (peerSignature === undefined) throw unreadable('the certificate has an unknown kind of key');
  const protocol = socket.getProtocol();
  if (protocol === null) throw unreadable('the protocol version is unknown');
  return {
    kind: 'tls',
    protocol,
    cipher: socket.getCipher().standardName,
    group: groupOf(socket),
    localSignature,
    peerSignature,
    resumed: socket.isSessionReused(),
    peer: describePeer(certificate),
    handshakeMs,
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

function groupOf(socket: TLSSocket): TlsLink['group'] {
  const info = socket.getEphemeralKeyInfo();
  const name = info !== null && 'name' in info ? info.name : undefined;
  const group = typeof name === 'string' ? groupByName(CURVES[name] ?? name) : undefined;
  if (group === undefined) throw unreadable('the key-exchange group is unknown');
  return group;
}

function unreadable(reason: string): Error {
  return new UpstreamLinkRefused(`the TLS link to the server cannot be judged: ${reason}`);
}
