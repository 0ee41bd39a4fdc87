import { UpstreamCertificateInvalid, UpstreamLinkRefused, UpstreamUnavailable } from '../errors.ts';
import type { PosternError } from '#lib';
import { messageOf } from '#lib';

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

/** Verification results of OpenSSL (X509_verify_cert_error_string), by Node's code. */
const CERTIFICATE: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its authority is not trusted here',
  UNABLE_TO_GET_ISSUER_CERT: 'its chain is incomplete',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its authority is not trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its authority is not trusted here',
  CERT_UNTRUSTED: 'its authority is not trusted here',
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet',
  CERT_REVOKED: 'it is revoked',
  CERT_SIGNATURE_FAILURE: 'its signature is wrong',
  INVALID_CA: 'its authority may not issue certificates',
  INVALID_PURPOSE: 'it is not for servers',
  PATH_LENGTH_EXCEEDED: 'its chain is too long',
};

const HANDSHAKE: Readonly<Record<string, string>> = {
  'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE':
    'the server offers no quantum-safe key exchange, or no certificate, that the profile allows',
  ERR_SSL_TLSV1_ALERT_INSUFFICIENT_SECURITY: 'the server demands a stronger link',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'the server does not speak TLS 1.3',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'the server does not speak TLS 1.3',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the server does not speak TLS on this port',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'the server does not speak TLS on this port',
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: 'the server does not speak HTTP/1.1',
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: 'the server demands a client certificate',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'the server does not trust the gateway’s client certificate',
};

/**
 * Why no connection could be made, in words.
 *
 * @param server host and port, for the message.
 */
export function connectFailure(error: unknown, server: string): PosternError {
  return (
    tlsFailure(error, server) ??
    new UpstreamUnavailable(`${server}: ${NETWORK[codeOf(error)] ?? messageOf(error)}`, {
      cause: error,
      details: { reason: codeOf(error) },
    })
  );
}

/** The failure when the handshake or the certificate is its cause, else `null`. */
export function tlsFailure(error: unknown, server: string): PosternError | null {
  const code = codeOf(error);
  const options = { cause: error, details: { reason: code } };
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const message = `${server}: the certificate is for another name: ${reasonOf(error)}`;
    return new UpstreamCertificateInvalid(message, options);
  }
  const flaw = CERTIFICATE[code];
  if (flaw !== undefined) {
    return new UpstreamCertificateInvalid(
      `${server}: the certificate is refused: ${flaw}`,
      options,
    );
  }
  if (!code.startsWith('ERR_SSL_')) return null;
  const reason = HANDSHAKE[code] ?? reasonOf(error);
  return new UpstreamLinkRefused(`${server}: no TLS link: ${reason}`, options);
}

/** Node's code of an error; of the first attempt when several addresses were tried. */
function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : 'unknown';
}

function reasonOf(error: unknown): string {
  const reason = error instanceof Error && 'reason' in error ? error.reason : undefined;
  return typeof reason === 'string' ? reason : messageOf(error);
}
