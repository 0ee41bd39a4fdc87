import type { X509Certificate } from 'node:crypto';
import { certificatesIn } from '#identity';
import { compileGlob } from '#policy';
import type { ServerTls } from './server-options.ts';
import { leadsTo } from './trust.ts';

/**
 * Why a client is refused whose certificate is of another authority than the gateway's own, `null`
 * when it is not: such an authority names only the clients that the listener lets it name.
 */
export function foreignRefusal(
  certificate: X509Certificate,
  spiffeId: string | null,
  tls: ServerTls,
): string | null {
  if (tls.foreignNames === null || leadsTo(certificate, ownRootsOf(tls))) return null;
  return mayBeForeign(spiffeId, tls) ? null : 'its authority may not name this client';
}

const ownRoots = new WeakMap<ServerTls, readonly X509Certificate[]>();

/** Read once for a configuration, which many handshakes have. */
function ownRootsOf(tls: ServerTls): readonly X509Certificate[] {
  const read = ownRoots.get(tls) ?? certificatesIn(tls.ownCaPem);
  ownRoots.set(tls, read);
  return read;
}

/** Whether another authority than the gateway's own may vouch for a client. */
export function mayBeForeign(spiffeId: string | null, { foreignNames }: ServerTls): boolean {
  const name = /^spiffe:\/\/[^/]+\/client\/([^/]+)$/.exec(spiffeId ?? '')?.[1];
  return name !== undefined && (foreignNames ?? []).some((pattern) => compileGlob(pattern)(name));
}
