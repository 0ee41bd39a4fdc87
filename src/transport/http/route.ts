import type { TcpNetConnectOpts } from 'node:net';
import { addressOf } from './address.ts';
import type { AddressRule, Resolve } from './address-guard.ts';
import { guardedLookup, judgeLiteral, resolveBySystem } from './address-guard.ts';

/** Where a server is to be found. */
export interface Whereabouts {
  readonly url: URL;
  /** Where the URL's host may be. Default: private networks too, and what is written as it is. */
  readonly addresses?: AddressRule;
  /** Default: the system's way. */
  readonly resolve?: Resolve;
}

const USUAL: AddressRule = { reach: 'private', isConfigured: true };

/** After this the next address of a name is tried instead. */
const ATTEMPT_MS = 1000;

/**
 * How to get to a server: to its judged addresses alone, one after the other.
 *
 * @returns what `net.connect` needs for one connection; it throws UpstreamAddressRefused for an IP
 *   address, while a name fails when the connection is made.
 */
export function routeTo({ url, addresses, resolve }: Whereabouts): () => TcpNetConnectOpts {
  const { host, port } = addressOf(url);
  const rule = addresses ?? USUAL;
  const lookup = guardedLookup(rule, resolve ?? resolveBySystem);
  const route = { host, port, lookup, autoSelectFamilyAttemptTimeout: ATTEMPT_MS };
  return () => {
    judgeLiteral(host, rule);
    return route;
  };
}
