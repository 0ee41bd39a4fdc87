import type { LinkSecurity } from '#crypto';
import type { Principal } from '#identity';
import { principalOf } from '#identity';
import type { Call } from './call.ts';
import { CertificateExpired } from './errors.ts';

declare const authenticated: unique symbol;

/** A call whose caller is known; only {@link authenticate} makes one. */
export interface Authenticated {
  readonly [authenticated]: true;
  readonly call: Call;
  readonly principal: Principal;
}

/**
 * First stage: who calls, by the client certificate that its own handshake verified.
 *
 * @throws IdentityRejected for a certificate that names no client of this trust domain.
 * @throws CertificateExpired when it has expired since the connection was made.
 */
export function authenticate(call: Call, trustDomain: string): Authenticated {
  const principal = identify(call.clientLink, trustDomain, call.receivedAtMs);
  return { call, principal } as Authenticated;
}

/**
 * Whose sessions, processes and the like a call may use. Callers without an identity are told apart by
 * their address, the only thing known of them; no client name has an @.
 */
export function ownerOf({ call, principal }: Authenticated): string {
  return principal.kind === 'anonymous' ? `${principal.name}@${call.source}` : principal.name;
}

/** The caller at the other end of a link. @throws what {@link authenticate} throws. */
export function identify(link: LinkSecurity, trustDomain: string, nowMs: number): Principal {
  const peer = link.kind === 'tls' ? link.peer : null;
  if (peer !== null && peer.notAfterMs <= nowMs) {
    throw new CertificateExpired('the client certificate of this connection has expired');
  }
  return principalOf(peer, trustDomain);
}
