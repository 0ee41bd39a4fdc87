import { AuthorizationMalformed, TokenMalformed, TokenMissing } from './errors.ts';

/** What an `Authorization` header presents. */
export interface Credential {
  readonly scheme: 'bearer' | 'dpop';
  readonly token: string;
}

const SCHEME = /^(bearer|dpop)(?: |$)/i;
/** RFC 9110 §11.2 `token68`. */
const TOKEN68 = /^[A-Za-z0-9._~+/-]+=*$/;

/**
 * The access token in an `Authorization` header (RFC 6750 §2.1, RFC 9449 §7.1).
 *
 * @throws TokenMissing when there is none of either scheme, AuthorizationMalformed when something else
 *   than one token follows, TokenMalformed when it is too long.
 */
export function readAuthorization(header: string | undefined, maxTokenBytes: number): Credential {
  const scheme = header === undefined ? undefined : SCHEME.exec(header)?.[1];
  if (header === undefined || scheme === undefined) {
    throw new TokenMissing('the request has no access token');
  }
  const token = header.slice(scheme.length).trimStart();
  if (token.length > maxTokenBytes) throw new TokenMalformed('the access token is too long');
  if (!TOKEN68.test(token)) {
    throw new AuthorizationMalformed('something else than one token follows the scheme');
  }
  return { scheme: scheme.length === 4 ? 'dpop' : 'bearer', token };
}
