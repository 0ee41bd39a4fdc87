import type { IssuerSettings, Settings } from '#config';
import type { EventSink, Limits } from '#lib';
import { readSmallFile } from '#lib';
import type { KeySource, ReplayGuard, TrustedIssuer } from '#oauth';
import { fixedKeys, readKeySet, RecentProofs, RemoteKeys, TokenVerifier } from '#oauth';
import type { Policy } from '#policy';
import { denyAllPolicy } from '#policy';
import type { HttpUpstreamTls } from '#transport';
import { createDocumentFetcher } from '#transport';
import type { EgressTls, InForce } from './egress-tls.ts';
import { openEgressTls } from './egress-tls.ts';
import { IssuerDocuments } from './issuer-documents.ts';

/** What verifies the tokens of listeners, with what is followed for it. */
export interface Issuers {
  /** By name of the listener. */
  readonly verifiers: ReadonlyMap<string, TokenVerifier>;
  /** Follows changes of the files of links to issuers. */
  readonly watch: () => void;
  readonly close: () => void;
}

/** What issuers need besides their settings. */
export interface IssuerContext {
  readonly identity: InForce['identity'];
  readonly events: EventSink;
}

/** What remembers the proofs that were used: one for all, since one that was used on one listener is used. */
export function recentProofs(limits: Limits): RecentProofs {
  return new RecentProofs({
    rememberMs: 2 * limits.tokenLeewayMs,
    maxProofs: limits.maxRememberedProofs,
  });
}

/**
 * Makes what verifies tokens. No issuer is asked for anything before a token of it comes.
 *
 * @throws LinkFileInvalid, FileUnreadable, FileTooLarge, KeySetInvalid for a file that does not hold
 *   what it should.
 */
export async function createIssuers(
  { listeners, limits }: Settings,
  replay: ReplayGuard,
  context: IssuerContext,
): Promise<Issuers> {
  const links: EgressTls[] = [];
  const verifiers = new Map<string, TokenVerifier>();
  for (const { name, authorization } of listeners) {
    if (authorization === null) continue;
    const issuers: TrustedIssuer[] = [];
    for (const settings of authorization.issuers) {
      const { keys, link } = await openIssuer(settings, limits, context);
      issuers.push({ ...settings, keys });
      if (link !== null) links.push(link);
    }
    verifiers.set(name, new TokenVerifier({ issuers, replay, clock: Date.now, limits }));
  }
  let watches: readonly (() => void)[] = [];
  return {
    verifiers,
    watch: () => {
      watches = links.map((link) => link.watch(() => undefined));
    },
    close: () => {
      for (const end of watches) end();
    },
  };
}

/** Where the keys of one issuer come from, and the link over which that is. */
async function openIssuer(
  issuer: IssuerSettings,
  limits: Limits,
  context: IssuerContext,
): Promise<{ readonly keys: KeySource; readonly link: EgressTls | null }> {
  const { read, link } = await openKeys(issuer, limits, context);
  if (issuer.keys.kind === 'file') {
    const { keys } = readKeySet(await read(NEVER), limits.maxKeySetBytes);
    return { keys: fixedKeys(keys), link };
  }
  const { events } = context;
  const source = { issuer: issuer.name, fetch: read, clock: Date.now };
  return { keys: new RemoteKeys({ ...source, limits, events }), link };
}

const NEVER = new AbortController().signal;

/** What reads an issuer's key set as it is by now, and the link over which it does, if there is one. */
export async function openKeys(
  issuer: IssuerSettings,
  limits: Limits,
  { identity, events }: IssuerContext,
): Promise<{
  readonly read: (signal: AbortSignal) => Promise<Buffer>;
  readonly link: EgressTls | null;
}> {
  const { name, keys, tls } = issuer;
  if (keys.kind === 'file') {
    return { read: () => readSmallFile(keys.file, limits.maxKeySetBytes), link: null };
  }
  const inForce = { policy: () => PUBLIC, identity };
  const link = tls === null ? null : await openEgressTls(name, tls, inForce, events);
  const fetch = createDocumentFetcher({
    server: null,
    tls: link === null ? noTls : link.current,
    limits,
    events,
    acceptLink: () => null,
  });
  const documents = new IssuerDocuments(issuer, fetch);
  return { read: (signal) => documents.keys(signal), link };
}

/**
 * What issuers publish is no secret, and what signs their certificates is in the link's profile: the
 * policy, which is for the traffic of MCP, narrows no link to them.
 */
const PUBLIC: Policy = (() => {
  const policy = denyAllPolicy('none');
  return { ...policy, links: { ...policy.links, enforcePqc: false } };
})();

function noTls(): HttpUpstreamTls {
  throw new Error('this issuer is reached over plain http');
}
