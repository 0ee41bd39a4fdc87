import type { IncomingHttpHeaders } from 'node:http';
import { DocumentInvalid, DocumentRedirectRefused } from '../errors.ts';
import { shownLocation } from '../http/location.ts';

const FOLLOWED: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * Where a redirect of a document leads (RFC 9110, section 15.4).
 *
 * @param allowed whether there may be one at all.
 * @throws DocumentInvalid for what is no redirect, DocumentRedirectRefused.
 */
export function redirectTarget(
  from: URL,
  status: number,
  { location }: IncomingHttpHeaders,
  allowed: boolean,
): URL {
  if (!FOLLOWED.has(status)) throw new DocumentInvalid(`${from.host} answers ${status}`);
  const to = typeof location === 'string' ? URL.parse(location, from) : null;
  if (to !== null && allowed && to.protocol === from.protocol && to.username + to.password === '') {
    to.hash = '';
    return to;
  }
  throw new DocumentRedirectRefused(`${from.host} redirects ${shownLocation(to)}`, {
    details: { status },
  });
}
