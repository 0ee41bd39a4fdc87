import { createHash } from 'node:crypto';
import type { TlsOptions } from 'node:tls';
import type { Profile } from '#crypto';
import { tlsOptionsOf } from '#crypto';
import type { GatewayIdentity } from '#identity';

/** What decides a listener's TLS server. */
export interface ServerTls {
  readonly identity: GatewayIdentity;
  /** Already narrowed by policy. */
  readonly profile: Profile;
  readonly clientCertificates: 'none' | 'optional' | 'required';
}

/**
 * The complete TLS options of a listener, for creating the server and for replacing its context
 * (`setSecureContext` resets whatever is left out).
 *
 * An optional client certificate is verified too: Node is told not to reject by itself, because it
 * cannot tell "none" from "bad"; the listener destroys connections whose certificate is bad.
 */
export function serverTlsOptions(tls: ServerTls): TlsOptions {
  const { identity, profile, clientCertificates } = tls;
  return {
    ...tlsOptionsOf(profile),
    key: identity.credentials.map((credential) => credential.keyPem),
    cert: identity.credentials.map((credential) => credential.chainPem),
    ca: identity.caPem,
    sessionIdContext: contextId(tls),
    requestCert: clientCertificates !== 'none',
    rejectUnauthorized: clientCertificates === 'required',
    ALPNProtocols: ['http/1.1'],
  };
}

/** Binds sessions to what was trusted when they were made; OpenSSL takes 32 bytes at most. */
function contextId({ identity, profile, clientCertificates }: ServerTls): string {
  return createHash('sha256')
    .update(JSON.stringify([identity.caPem, tlsOptionsOf(profile), clientCertificates]))
    .digest('hex')
    .slice(0, 32);
}
