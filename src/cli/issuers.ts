import type { IssuerSettings, Settings } from '#config';
import type { EventSink } from '#lib';
import { readSmallFile } from '#lib';
import type { KeySource, TrustedIssuer } from '#oauth';
import { fixedKeys, readKeySet, RecentProofs, RemoteKeys, TokenVerifier } from '#oauth';
import { createDocumentFetcher } from '#transport';
import type { InForce } from './egress-tls.ts';
import { openEgressTls } from './egress-tls.ts';
import { IssuerDocuments } from './issuer-documents.ts';

/** What verifies the tokens of listeners, with what is followed for it. */
export interface Issuers {
  /** By name of the listener. */
  readonly verifiers: ReadonlyMap<string, TokenVerifier>;
  /** Follows changes of the files of the links to issuers. */
  readonly watch: () => void;
  readonly close: () => void;
}

/** What issuers need besides their settings. */
export interface IssuerContext {
  readonly inForce: InForce;
  readonly events: EventSink;
}

/**
 * Makes what verifies tokens. No issuer is asked for anything before a token of it comes.
 *
 * @throws LinkFileInvalid, KeySetInvalid for a file that does not hold what it should.
 */
export async function createIssuers(
  { listeners, limits }: Settings,
  context: IssuerContext,
): Promise<Issuers> {
  const replay = new RecentProofs({
    rememberMs: 2 * limits.tokenLeewayMs,
    maxProofs: limits.maxRememberedProofs,
  });
}
