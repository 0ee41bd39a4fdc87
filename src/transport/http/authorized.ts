import { UpstreamCredentialsRefused } from '../errors.ts';
import type { AccessToken } from '../oauth/access-token.ts';
import type { Asking, Authorization } from '../oauth/authorization.ts';
import type { UpstreamReply } from '../upstream.ts';
import type { Errand } from './courier.ts';

/** In whose name an exchange is made. */
export type Asker = Pick<Asking, 'principal' | 'subjectToken'>;

/**
 * Sends an errand with an access token, and once more with another one when the server answers 401:
 * which says that nothing was done (RFC 9110, section 15.5.2).
 *
 * @throws what getting a token throws, and sending.
 */
export async function sendAuthorized(
  authorization: Authorization,
  { principal, subjectToken }: Asker,
  errand: Errand,
  send: (errand: Errand) => Promise<UpstreamReply>,
): Promise<UpstreamReply> {
  const asking = { principal, subjectToken, signal: errand.signal };
  const token = await authorization.tokenFor(asking);
  try {
    return await send(withToken(errand, token));
  } catch (error) {
    if (!isUnauthorized(error)) throw error;
    const other = await authorization.replace(asking, token);
    if (other === null) throw error;
    return send(withToken(errand, other));
  }
}

/** 401, not 403: newer credentials may help. */
export function isUnauthorized(error: unknown): boolean {
  return error instanceof UpstreamCredentialsRefused && error.details['status'] === 401;
}

function withToken(errand: Errand, { value }: AccessToken): Errand {
  const headers = (): string[] => [...errand.headers(), 'authorization', `Bearer ${value}`];
  return { ...errand, headers };
}
