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

interface Refusal {
  /** Ends a sentence that begins with "no TLS link:". */
  readonly what: string;
  readonly remedy: string;
}

const UPGRADE = 'Upgrade the server, or choose another profile for it.';
const OLD: Refusal = { what: 'the server does not speak TLS 1.3', remedy: 'Upgrade the server.' };
const NO_TLS: Refusal = {
  what: 'the server does not speak TLS on this port',
  remedy: 'Use the port on which it does.',
};

const HANDSHAKE: Readonly<Record<string, Refusal>> = {
  'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE': {
    what: 'the server has no key-exchange group, or no certificate, that the profile allows',
    remedy: UPGRADE,
  },
  ERR_SSL_TLSV1_ALERT_INSUFFICIENT_SECURITY: {
    what: 'the server demands a stronger link',
    remedy: 'Choose a stronger profile for it.',
  },
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: OLD,
  ERR_SSL_UNSUPPORTED_PROTOCOL: OLD,
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NO_TLS,
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: {
    what: 'the server does not speak HTTP/1.1',
    remedy: 'Have it offer HTTP/1.1 beside what it speaks.',
  },
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: {
    what: 'the server demands a client certificate',
    remedy: 'Name one in `tls.client_certificate`.',
  },
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: {
    what: 'the server does not trust the gateway’s client certificate',
    remedy: 'Have the server trust the authority of that certificate.',
  },
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
  const { what, remedy } = HANDSHAKE[code] ?? { what: reasonOf(error), remedy: UPGRADE };
  return new UpstreamLinkRefused(`${server.host}: no TLS link: ${what}`, {
    cause: error,
    details: { reason: code },
    hint: adviceFor(server, remedy),
  });
}
