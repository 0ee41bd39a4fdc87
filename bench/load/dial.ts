import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { connect as connectTcp, isIP } from 'node:net';
import type { ConnectionOptions, SecureContext, TLSSocket } from 'node:tls';
import { checkServerIdentity, connect as connectTls, createSecureContext } from 'node:tls';
import type { Target, TargetTls } from './plan.ts';

/** A connected socket and what its link turned out to be. */
export interface Dialled {
  readonly socket: Socket;
  /** Protocol, group, kind of key and cipher; `plain` without TLS. */
  readonly link: string;
}

const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Signatures to accept for each kind of key (RFC 8446 §4.2.3, draft-ietf-tls-mldsa): that of the
 * handshake and those within the chain, whose root may be stronger.
 */
const SIGNATURES: Readonly<Record<NonNullable<TargetTls['keyType']>, string>> = {
  'ml-dsa-65': 'mldsa65:mldsa87',
  ec: 'ecdsa_secp256r1_sha256',
};

/** `getEphemeralKeyInfo` names P-256 as OpenSSL's keys do. */
const CURVES: Readonly<Record<string, string>> = { prime256v1: 'P-256' };

/**
 * Makes a way of connecting to a target: a full TLS 1.3 handshake that offers one group, verifies the
 * certificate and checks what was negotiated. The promise rejects when any of it is otherwise.
 */
export function dialer(target: Target): () => Promise<Dialled> {
  const { host, port, tls } = target;
  if (tls === null) {
    return () => settled(connectTcp({ host, port, noDelay: true }), 'connect', plain);
  }
  const secureContext = contextOf(tls);
  return () => {
    const socket = connectTls({
      host,
      port,
      secureContext,
      ...nameOf(tls),
      ALPNProtocols: ['http/1.1'],
    });
    socket.setNoDelay(true);
    return settled(socket, 'secureConnect', () => describe(socket, tls));
  };
}

function plain(): string {
  return 'plain';
}

/** An address is no server name (RFC 6066 §3), but the certificate has to have it. */
function nameOf({ serverName }: TargetTls): ConnectionOptions {
  if (isIP(serverName) === 0) return { servername: serverName };
  return {
    checkServerIdentity: (_name, certificate) => checkServerIdentity(serverName, certificate),
  };
}

function contextOf(tls: TargetTls): SecureContext {
  return createSecureContext({
    ca: readFileSync(tls.caFile),
    ...(tls.group === null ? {} : { ecdhCurve: tls.group }),
    ...(tls.keyType === null ? {} : { sigalgs: SIGNATURES[tls.keyType] }),
    minVersion: 'TLSv1.3',
  });
}

function settled(
  socket: Socket,
  ready: 'connect' | 'secureConnect',
  describeLink: () => string,
): Promise<Dialled> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(() => fail(new Error('no connection in time')), CONNECT_TIMEOUT_MS);
    socket.once('error', fail);
    socket.once(ready, () => {
      clearTimeout(timer);
      socket.off('error', fail);
      try {
        resolve({ socket, link: describeLink() });
      } catch (error) {
        fail(error as Error);
      }
    });
  });
}

/** @throws Error when the link is not the one that was asked for. */
function describe(socket: TLSSocket, tls: TargetTls): string {
  if (!socket.authorized) throw new Error(`certificate: ${String(socket.authorizationError)}`);
  if (socket.isSessionReused()) throw new Error('the handshake was resumed');
  const info = socket.getEphemeralKeyInfo();
  const name = info !== null && 'name' in info ? String(info.name) : 'unknown';
  const group = CURVES[name] ?? name;
  const keyType = socket.getPeerX509Certificate()?.publicKey.asymmetricKeyType;
  const right = group === (tls.group ?? group) && keyType === (tls.keyType ?? keyType);
  if (!right) {
    throw new Error(`wanted ${tls.group} and ${tls.keyType}, got ${group} and ${keyType}`);
  }
  return [socket.getProtocol(), group, keyType, socket.getCipher().standardName].join(' ');
}
