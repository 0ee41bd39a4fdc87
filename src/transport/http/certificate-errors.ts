import type { PosternError } from '#lib';
import { UpstreamCertificateInvalid } from '../errors.ts';
import { codeOf, reasonOf } from './error-codes.ts';
import type { ServerLabel } from './server-label.ts';
import { adviceFor } from './server-label.ts';

interface Flaw {
  /** Ends a sentence that begins with "the certificate is refused:". */
  readonly what: string;
  readonly remedy: string;
}

const RENEW = 'Have the server’s certificate renewed.';
const UNTRUSTED: Flaw = {
  what: 'its authority is not trusted here',
  remedy: 'If the authority is the right one, put its certificate into the file of `tls.ca`.',
};
const LISTS = 'Put the current list of every authority of the chain into the file of `tls.crl`.';

/** Verification results of OpenSSL (X509_verify_cert_error_string), by Node's code. */
const FLAWS: Readonly<Record<string, Flaw>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: {
    what: 'it is self-signed',
    remedy: 'If it is the right one, use the certificate itself as `tls.ca`.',
  },
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: {
    what: 'its chain is incomplete',
    remedy: 'Have the server send its whole chain, and put the root into the file of `tls.ca`.',
  },
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  CERT_UNTRUSTED: UNTRUSTED,
  CERT_HAS_EXPIRED: {
    what: 'it has expired',
    remedy: `${RENEW} Look at this machine’s clock too.`,
  },
  CERT_NOT_YET_VALID: {
    what: 'it is not valid yet',
    remedy: 'Look at the clocks of both machines.',
  },
  CERT_REVOKED: {
    what: 'it is revoked',
    remedy: 'Its authority has withdrawn it: the server needs a new key and certificate.',
  },
  UNABLE_TO_GET_CRL: { what: 'there is no revocation list of its authority', remedy: LISTS },
  UNABLE_TO_GET_CRL_ISSUER: { what: 'there is no revocation list of its authority', remedy: LISTS },
  CRL_HAS_EXPIRED: { what: 'the revocation list of its authority has expired', remedy: LISTS },
  CRL_NOT_YET_VALID: {
    what: 'the revocation list of its authority is not valid yet',
    remedy: 'Look at this machine’s clock.',
  },
  CRL_SIGNATURE_FAILURE: {
    what: 'the revocation list of its authority has a wrong signature',
    remedy: LISTS,
  },
  CERT_SIGNATURE_FAILURE: { what: 'its signature is wrong', remedy: RENEW },
  INVALID_CA: { what: 'its authority may not issue certificates', remedy: RENEW },
  INVALID_PURPOSE: { what: 'it is not for servers', remedy: RENEW },
  PATH_LENGTH_EXCEEDED: { what: 'its chain is too long', remedy: RENEW },
};

const OTHER_NAME =
  'Use a name of the certificate in `url`, or say in `tls.server_name` which one it has to carry.';

/** The failure when the server's certificate is its cause, else `null`. */
export function certificateFailure(error: unknown, server: ServerLabel): PosternError | null {
  const code = codeOf(error);
  const options = (remedy: string) => ({
    cause: error,
    details: { reason: code },
    hint: adviceFor(server, remedy),
  });
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const message = `${server.host}: the certificate is for another name: ${reasonOf(error)}`;
    return new UpstreamCertificateInvalid(message, options(OTHER_NAME));
  }
  const flaw = FLAWS[code];
  if (flaw === undefined) return null;
  const message = `${server.host}: the certificate is refused: ${flaw.what}`;
  return new UpstreamCertificateInvalid(message, options(flaw.remedy));
}
