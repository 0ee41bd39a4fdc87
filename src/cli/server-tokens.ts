import type { X509Certificate } from 'node:crypto';
import { createPrivateKey } from 'node:crypto';
import type { AuthorizationSettings, HttpSettings, Settings } from '#config';
import type { EventSink } from '#lib';
import { messageOf, readSmallFile } from '#lib';
import { linkRefusal } from '#policy';
import type { Authorization, ClientProof, Guardian, Upstream } from '#transport';
import {
  CallersOnly,
  CallerTokens,
  createDocumentFetcher,
  Credentials,
  GatewayTokens,
  TokenEndpoint,
  UpstreamCredentialUnavailable,
} from '#transport';
import type { EgressTls, InForce } from './egress-tls.ts';
import { openEgressTls } from './egress-tls.ts';

/** What came of trying to get a token. */
export interface TokenProbe {
  readonly works: boolean;
  /** One sentence, which tells no token. */
  readonly detail: string;
}

/** The access tokens for one server, with what is read for them. */
export interface ServerTokens {
  readonly authorization: Authorization;
  /** The server as callers get it. */
  readonly guard: (upstream: Upstream) => Upstream;
  /** Looks for the client's secret, then follows changes of it and of the link's files. */
  readonly watch: () => Promise<void>;
  /** The certificates from files that the token endpoint is shown. */
  readonly leaves: () => readonly X509Certificate[];
  /** Tries to get one. Never rejects. */
  readonly probe: () => Promise<TokenProbe>;
  readonly close: () => Promise<void>;
}

interface TokensContext {
  readonly server: string;
  readonly reach: HttpSettings['addresses'];
  readonly settings: Pick<Settings, 'limits'>;
  readonly inForce: InForce;
  readonly events: EventSink;
  readonly guardian: Guardian;
}

/** Keys of ML-DSA have some ten KiB in PEM. */
const MAX_KEY_BYTES = 64 * 1024;

const SECRET = 'client_secret';

/** @throws LinkFileInvalid */
export async function openServerTokens(
  authorization: AuthorizationSettings,
  context: TokensContext,
): Promise<ServerTokens> {
  const { server, inForce, events } = context;
  const { tls: link } = authorization;
  const tls = link === null ? null : await openEgressTls(server, link, inForce, events);
  const secrets = openSecret(authorization, context);
  const tokens = createTokens(authorization, tls, secrets, context);
  let stopWatching = (): void => undefined;
  const watch = async (): Promise<void> => {
    // Links to token endpoints are made anew for each request: there is nothing to recycle.
    stopWatching = tls?.watch(() => undefined) ?? stopWatching;
    await secrets?.start();
    // The first caller need not wait for it, nor the gateway for the first caller to tell of trouble.
    tokens.probe().catch(() => undefined);
  };
  return {
    authorization: tokens,
    guard: (upstream) =>
      tokens instanceof CallerTokens ? new CallersOnly(upstream, tokens) : upstream,
    watch,
    leaves: () => tls?.leaves() ?? [],
    probe: async () => {
      try {
        await secrets?.start();
        return { works: true, detail: await tokens.probe() };
      } catch (thrown) {
        return { works: false, detail: messageOf(thrown) };
      }
    },
    close: async () => {
      stopWatching();
      await Promise.all([tokens.close(), secrets?.close()]);
    },
  };
}

function createTokens(
  { at, clientId, proof, wanted, exchangeFrom }: AuthorizationSettings,
  tls: EgressTls | null,
  secrets: Credentials | null,
  { server, reach, settings: { limits }, inForce, events }: TokensContext,
): GatewayTokens | CallerTokens {
  const fetch = createDocumentFetcher({
    server,
    tls: tls?.current ?? refuseTls,
    reach,
    limits,
    events,
    acceptLink: (link) => linkRefusal(inForce.policy().links, link),
  });
  const endpoint = new TokenEndpoint({ at, clientId, proof: proofOf(proof, secrets), fetch });
  return exchangeFrom.length === 0
    ? new GatewayTokens({ server, endpoint, wanted, events })
    : new CallerTokens({ endpoint, wanted, issuers: exchangeFrom, limits });
}

/** Where tokens come over plain HTTP on this machine, no link with TLS is wanted. */
function refuseTls(): never {
  throw new Error('a link with TLS has no settings');
}

function openSecret(
  { proof }: AuthorizationSettings,
  { server, guardian, settings: { limits }, events }: TokensContext,
): Credentials | null {
  if (proof === null || !('secret' in proof) || typeof proof.secret === 'string') return null;
  const sources = { [SECRET]: proof.secret };
  return new Credentials({ server, use: 'secret', sources, guardian, limits, events });
}

function proofOf(proof: AuthorizationSettings['proof'], secrets: Credentials | null): ClientProof {
  if (proof === null) return { kind: 'certificate' };
  if ('keyFile' in proof) return { kind: 'key', read: () => readKey(proof.keyFile) };
  const { secret } = proof;
  return {
    kind: 'secret',
    current: () => (typeof secret === 'string' ? secret : (secrets?.current()[SECRET] ?? '')),
    refused: () => secrets?.refused(),
  };
}

async function readKey(file: string) {
  try {
    return createPrivateKey(await readSmallFile(file, MAX_KEY_BYTES));
  } catch (cause) {
    // What OpenSSL says of a key may quote it.
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable';
    throw new UpstreamCredentialUnavailable(`${file}: no private key in PEM is there (${code})`);
  }
}
