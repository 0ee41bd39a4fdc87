import type { Principal } from '#identity';
import { principalOf, tokenPrincipal } from '#identity';
import { TokenExpired } from '#oauth';
import type { Call } from './call.ts';
import type { Caller } from './caller.ts';
import { CertificateExpired } from './errors.ts';

declare const authenticated: unique symbol;

/** A call whose caller is known; only {@link authenticate} makes one. */
export interface Authenticated {
  readonly [authenticated]: true;
  readonly call: Call;
  readonly principal: Principal;
}

/**
 * First stage: who calls, by the client certificate that its own handshake verified, or by the access
 * token that came with the request.
 *
 * @throws IdentityRejected for a certificate that names no client of this trust domain.
 * @throws CertificateExpired when it has expired since the connection was made.
 * @throws TokenExpired when the token has expired since it was verified.
 */
export function authenticate(call: Call, trustDomain: string): Authenticated {
  const principal = identify(call, trustDomain, call.receivedAtMs);
  return { call, principal } as Authenticated;
}

/**
 * Whose sessions, processes and the like a call may use. Callers without an identity are told apart by
 * their address, the only thing known of them; no client name has an @, and no issuer's either.
 */
export function ownerOf({ call, principal }: Authenticated): string {
  return ownerName(principal, call.source);
}

/** The same before there is a call. */
export function ownerName(principal: Principal, source: string): string {
  return principal.kind === 'anonymous' ? `${principal.name}@${source}` : principal.name;
}

/**
 * The caller at the other end of a hop. A token names it, whatever its certificate says; that has to be
 * good all the same.
 *
 * @throws what {@link authenticate} throws.
 */
export function identify(
  { clientLink, token }: Caller,
  trustDomain: string,
  nowMs: number,
): Principal {
  const peer = clientLink.kind === 'tls' ? clientLink.peer : null;
  if (peer !== null && peer.notAfterMs <= nowMs) {
    throw new CertificateExpired('the client certificate of this connection has expired');
  }
  const shown = principalOf(peer, trustDomain);
  if (token === null) return shown;
  if (token.expiresAtMs <= nowMs) throw new TokenExpired('the access token has expired');
  return tokenPrincipal(token.issuer, token.principal, token.scopes);
}
