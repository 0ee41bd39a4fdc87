import { UpstreamLinkRefused, UpstreamUnavailable } from '../errors.ts';
import type { PosternError } from '#lib';
import { messageOf } from '#lib';
import { certificateFailure } from './certificate-errors.ts';
import { codeOf, reasonOf } from './error-codes.ts';
import type { ServerLabel } from './server-label.ts';
import { adviceFor } from './server-label.ts';

const NETWORK: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'its name does not resolve',
  EAI_AGAIN: 'its name cannot be resolved now',
  ETIMEDOUT: 'it does not answer',
  EHOSTUNREACH: 'there is no route to it',
  ENETUNREACH: 'there is no route to it',
  ECONNRESET: 'it closed the connection',
  EPIPE: 'it closed the connection',
};

const HANDSHAKE: Readonly<Record<string, string>> = {
  'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE':
    'the server has no key-exchange group, or no certificate, that the profile allows',
  ERR_SSL_TLSV1_ALERT_INSUFFICIENT_SECURITY: 'the server demands a stronger link',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'the server does not speak TLS 1.3',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'the server does not speak TLS 1.3',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the server does not speak TLS on this port',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'the server does not speak TLS on this port',
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: 'the server does not speak HTTP/1.1',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'the server demands a client certificate',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'the server does not trust the gateway’s client certificate',
};

/** Why no connection could be made, in words. */
export function connectFailure(error: unknown, server: ServerLabel): PosternError {
  return (
    tlsFailure(error, server) ??
    new UpstreamUnavailable(`${server.host}: ${NETWORK[codeOf(error)] ?? messageOf(error)}`, {
      cause: error,
      details: { reason: codeOf(error) },
    })
  );
}

/** The failure when the handshake or the certificate is its cause, else `null`. */
export function tlsFailure(error: unknown, server: ServerLabel): PosternError | null {
  const refused = certificateFailure(error, server);
  if (refused !== null) return refused;
  const code = codeOf(error);
  if (!code.startsWith('ERR_SSL_')) return null;
  const reason = HANDSHAKE[code] ?? reasonOf(error);
  return new UpstreamLinkRefused(`${server.host}: no TLS link: ${reason}`, {
    cause: error,
    details: { reason: code },
    hint: adviceFor(server, 'Upgrade the server, or choose another profile for it.'),
  });
}
