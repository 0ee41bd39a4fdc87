import { lookup as systemLookup } from 'node:dns/promises';
import type { LookupAddress } from 'node:dns';
import { isIP } from 'node:net';
import type { LookupFunction } from 'node:net';
import { callbackify } from 'node:util';
import type { AddressKind } from '#lib';
import { kindOfAddress } from '#lib';
import { UpstreamAddressRefused } from '../errors.ts';

/**
 * How far inside a name may lead: to `public` addresses alone, to those of `private` networks too, or to
 * `any`, such as this machine's own.
 */
export type Reach = 'public' | 'private' | 'any';

/** The addresses of a name, preferred first. */
export type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

/** Which addresses a host may have. */
export interface AddressRule {
  readonly reach: Reach;
  /**
   * The host stands in the configuration: an IP address, or `localhost`, is meant as it is written.
   * Others, such as a host that an answer names, are judged whatever they are.
   */
  readonly isConfigured: boolean;
}

const ADMITTED: Readonly<Record<Reach, ReadonlySet<AddressKind> | null>> = {
  public: new Set<AddressKind>(['public']),
  private: new Set<AddressKind>(['public', 'private']),
  any: null,
};

/** A name may have hundreds of addresses; one that has not answered by then will not. */
const MAX_ADDRESSES = 8;

/** The name and all below it (RFC 6761, section 6.3). */
const LOCAL = /(?:^|\.)localhost\.?$/i;

const HINT =
  'If the host is to be reached there, write its IP address in the URL, or widen `addresses` of the server.';

/** Asks the system, /etc/hosts included, for all addresses at once. */
export const resolveBySystem: Resolve = (host) => systemLookup(host, { all: true });

/**
 * Refuses an IP address in a URL; a name is judged when it is resolved.
 *
 * @throws UpstreamAddressRefused
 */
export function judgeLiteral(host: string, rule: AddressRule): void {
  if (isIP(host) === 0 || rule.isConfigured || isAdmitted(host, host, rule)) return;
  throw refusal(host, [host]);
}

/**
 * Resolves names for `net.connect`. A name is resolved once for a connection, and the connection goes
 * to one of the addresses that were judged, so that no later answer of a name server counts.
 *
 * The callback gets UpstreamAddressRefused when none of the addresses is admitted.
 */
export function guardedLookup(rule: AddressRule, resolve: Resolve): LookupFunction {
  // A system that is slow to resolve has few threads for it: who waits for the same name waits together.
  const asked = new Map<string, Promise<readonly LookupAddress[]>>();
  const ask = (host: string): Promise<readonly LookupAddress[]> => {
    const answer = asked.get(host) ?? resolve(host).finally(() => asked.delete(host));
    asked.set(host, answer);
    return answer;
  };
  const judged = callbackify(async (host: string): Promise<LookupAddress[]> => {
    const found = await ask(host);
    const admitted = found.filter(({ address }) => isAdmitted(host, address, rule));
    if (admitted.length > 0) return admitted.slice(0, MAX_ADDRESSES);
    throw refusal(
      host,
      found.map(({ address }) => address),
    );
  });
  return (host, { all }, callback) => {
    judged(host, (error, admitted) => {
      // Whoever fails has no list.
      const [first] = error === null ? admitted : [];
      if (first === undefined || all === true) callback(error, admitted);
      else callback(error, first.address, first.family);
    });
  };
}

function isAdmitted(host: string, address: string, { reach, isConfigured }: AddressRule): boolean {
  const admitted = ADMITTED[reach];
  if (admitted === null) return true;
  const kind = kindOfAddress(address);
  return admitted.has(kind) || (kind === 'loopback' && isConfigured && LOCAL.test(host));
}

function refusal(host: string, addresses: readonly string[]): Error {
  const shown = addresses.slice(0, MAX_ADDRESSES);
  const list = shown.map((address) => `${address} (${kindOfAddress(address)})`).join(', ');
  const message =
    isIP(host) === 0
      ? `${host} leads to ${list || 'no address'}`
      : `${list} is not an address to go to`;
  return new UpstreamAddressRefused(message, { details: { addresses: shown }, hint: HINT });
}
