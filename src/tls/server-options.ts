import { createHash } from 'node:crypto';
import type { TlsOptions } from 'node:tls';
import type { SecondProof } from '#config';
import type { Profile } from '#crypto';
import { tlsOptionsOf } from '#crypto';
import type { ServerCredential } from '#identity';

/** What decides a listener's TLS server. */
export interface ServerTls {
  /** What the listener shows of itself, preferred first. */
  readonly credentials: readonly ServerCredential[];
  /** PEM of the authorities whose client certificates are taken. */
  readonly caPem: string;
  /**
   * PEM of those whose certificates are taken for a second proof. Only a handshake looks at revocation
   * lists: with any, it is the gateway's own authorities alone, whose revoked are known otherwise.
   */
  readonly secondCaPem: string;
  /** PEM of those among them that are the gateway's own. */
  readonly ownCaPem: string;
  /** Patterns of the names that clients of the others may have; `null` when there are no others. */
  readonly foreignNames: readonly string[] | null;
  /** PEM, one list each; with any, OpenSSL wants a current one of every authority in a client's chain. */
  readonly crls: readonly string[];
  /** PEM of the roots by which clients know the listener; `null` when they are not known here. */
  readonly rootsPem: string | null;
  /** Already narrowed by policy. */
  readonly profile: Profile;
  readonly clientCertificates: 'none' | 'optional' | 'required';
  /** Whether clients may or must prove who they are a second time. */
  readonly secondProof: SecondProof;
}

/**
 * The complete TLS options of a listener, for creating the server and for replacing its context
 * (`setSecureContext` resets whatever is left out).
 *
 * An optional client certificate is verified too: Node is told not to reject by itself, because it
 * cannot tell "none" from "bad"; the listener destroys connections whose certificate is bad.
 */
export function serverTlsOptions(tls: ServerTls): TlsOptions {
  const { credentials, caPem, crls, profile, clientCertificates } = tls;
  return {
    ...tlsOptionsOf(profile),
    key: credentials.map((credential) => credential.keyPem),
    cert: credentials.map((credential) => credential.chainPem),
    ca: caPem,
    ...(crls.length === 0 ? {} : { crl: [...crls] }),
    sessionIdContext: contextId(tls),
    requestCert: clientCertificates !== 'none',
    rejectUnauthorized: clientCertificates === 'required',
    ALPNProtocols: ['http/1.1'],
  };
}

/** Binds sessions to what was trusted when they were made; OpenSSL takes 32 bytes at most. */
function contextId({ caPem, crls, profile, clientCertificates }: ServerTls): string {
  return createHash('sha256')
    .update(JSON.stringify([caPem, crls, tlsOptionsOf(profile), clientCertificates]))
    .digest('hex')
    .slice(0, 32);
}
