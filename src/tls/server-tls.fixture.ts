import type { Profile } from '#crypto';
import type { GatewayIdentity } from '#identity';
import type { ServerTls } from './server-options.ts';

/** A listener's TLS with the gateway's own identity. */
export function ownServerTls(
  identity: GatewayIdentity,
  profile: Profile,
  clientCertificates: ServerTls['clientCertificates'] = 'none',
): ServerTls {
  const { credentials, caPem } = identity;
  const whom = { clientCertificates, secondProof: 'off' } as const;
  const roots = { caPem, ownCaPem: caPem, foreignNames: null, secondCaPem: caPem, rootsPem: caPem };
  return { credentials, ...roots, crls: [], profile, ...whom };
}
