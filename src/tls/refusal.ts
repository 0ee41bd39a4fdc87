/** Why a TLS handshake failed, in words for the log. */

interface Refusal {
  /** Stable word for metrics and tests. */
  readonly kind: string;
  readonly reason: string;
}

const REASONS: Readonly<Record<string, Refusal>> = {
  ERR_SSL_NO_SUITABLE_KEY_SHARE: {
    kind: 'weak_key_exchange',
    reason: 'the client offers no key-exchange group that this listener allows',
  },
  ERR_SSL_NO_SUITABLE_GROUPS: {
    kind: 'weak_key_exchange',
    reason: 'the client offers no key-exchange group that this listener allows',
  },
  ERR_SSL_NO_SHARED_GROUPS: {
    kind: 'weak_key_exchange',
    reason: 'the client offers no key-exchange group that this listener allows',
  },
  ERR_SSL_UNSUPPORTED_PROTOCOL: {
    kind: 'old_protocol',
    reason: 'the client does not speak TLS 1.3',
  },
  ERR_SSL_NO_SHARED_SIGNATURE_ALGORITHMS: {
    kind: 'weak_signature',
    reason: 'the client accepts no signature algorithm that this listener can sign with',
  },
  ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM: {
    kind: 'weak_signature',
    reason: 'the client accepts no signature algorithm that this listener can sign with',
  },
  ERR_SSL_NO_SHARED_CIPHER: {
    kind: 'weak_cipher',
    reason: 'the client offers no cipher suite that this listener allows',
  },
  ERR_SSL_NO_APPLICATION_PROTOCOL: {
    kind: 'no_common_protocol',
    reason: 'the client does not speak HTTP/1.1',
  },
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: {
    kind: 'no_certificate',
    reason: 'the client showed no certificate and this listener requires one',
  },
  ERR_TLS_HANDSHAKE_TIMEOUT: {
    kind: 'timeout',
    reason: 'the client did not finish the handshake in time',
  },
  ECONNRESET: { kind: 'reset', reason: 'the client went away during the handshake' },
};

/** The reason for an error of `tlsClientError`; OpenSSL's own words where none of ours fit. */
export function refusalOf(error: Error & { code?: string; reason?: string }): Refusal {
  const known = error.code !== undefined && Object.hasOwn(REASONS, error.code);
  const refusal = known ? REASONS[error.code ?? ''] : undefined;
  return refusal ?? { kind: 'handshake_failed', reason: error.reason ?? error.code ?? 'unknown' };
}
