import type { PeerCertificate } from '#crypto';
import { isClientName } from './client-name.ts';
import { IdentityRejected, SpiffeIdInvalid } from './errors.ts';
import { parseSpiffeId } from './spiffe.ts';

/** Who calls, as far as the gateway could prove it. */
export interface Principal {
  /** The client's name; by a token `<issuer>:<name>`, which no certificate says; or `anonymous`. */
  readonly name: string;
  /** `spiffe://<trust domain>/client/<name>`, `null` without a certificate's name. */
  readonly spiffeId: string | null;
  readonly kind: 'certificate' | 'token' | 'anonymous';
  /** What its token grants; absent without one. */
  readonly scopes?: ReadonlySet<string>;
}

const ANONYMOUS: Principal = Object.freeze({
  name: 'anonymous',
  spiffeId: null,
  kind: 'anonymous',
});

/**
 * The principal behind a verified peer certificate, or `anonymous` when the peer showed none.
 *
 * A certificate that names nobody is refused rather than taken for anonymous: its holder expects to
 * be someone.
 *
 * @throws IdentityRejected when the certificate's SPIFFE id is not
 *   `spiffe://<trustDomain>/client/<name>`.
 */
export function principalOf(peer: PeerCertificate | null, trustDomain: string): Principal {
  if (peer === null) return ANONYMOUS;
  if (peer.spiffeId === null) throw rejected('client certificate has no SPIFFE id', peer);
  const name = clientOf(peer, peer.spiffeId, trustDomain);
  return { name, spiffeId: peer.spiffeId, kind: 'certificate' };
}

/**
 * The principal that an access token names.
 *
 * @param issuer its name in the configuration, which has no colon.
 */
export function tokenPrincipal(
  issuer: string,
  name: string,
  scopes: ReadonlySet<string>,
): Principal {
  return { name: `${issuer}:${name}`, spiffeId: null, kind: 'token', scopes };
}

function clientOf(peer: PeerCertificate, spiffeId: string, trustDomain: string): string {
  const id = parsed(peer, spiffeId);
  if (id.trustDomain !== trustDomain) {
    throw rejected('client certificate belongs to another trust domain', peer);
  }
  const [kind, name, ...rest] = id.path;
  if (kind !== 'client' || name === undefined || rest.length > 0 || !isClientName(name)) {
    throw rejected('certificate does not name a client', peer);
  }
  return name;
}

function parsed(peer: PeerCertificate, spiffeId: string): ReturnType<typeof parseSpiffeId> {
  try {
    return parseSpiffeId(spiffeId);
  } catch (cause) {
    if (!(cause instanceof SpiffeIdInvalid)) throw cause;
    throw rejected('client certificate has a malformed SPIFFE id', peer, cause);
  }
}

function rejected(message: string, peer: PeerCertificate, cause?: unknown): Error {
  return new IdentityRejected(message, {
    cause,
    details: {
      spiffe_id: peer.spiffeId?.slice(0, 256) ?? '',
      fingerprint256: peer.fingerprint256,
    },
  });
}
