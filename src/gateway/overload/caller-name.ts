import type { LinkSecurity } from '#crypto';
import { sourceOf } from '#tls';

/**
 * Names the caller of a request by what is known before anything of it is read: the certificate of its
 * connection, else its address (of IPv6 the /64).
 */
export function callerName(link: LinkSecurity, address: string | undefined): string {
  const spiffeId = link.kind === 'tls' ? link.peer?.spiffeId : null;
  return spiffeId ?? sourceOf(address ?? 'unknown');
}
