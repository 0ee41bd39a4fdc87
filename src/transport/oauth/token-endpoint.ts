import { messageOf, PosternError } from '#lib';
import { UpstreamTokenRefused, UpstreamTokenUnavailable } from '../errors.ts';
import type { FetchedDocument } from '../fetch/answer.ts';
import type { FetchDocument } from '../fetch/documents.ts';
import type { AccessToken } from './access-token.ts';
import { readAccessToken } from './access-token.ts';
import type { ClientProof } from './client-proof.ts';
import { proveClient } from './client-proof.ts';
import type { TokenService } from './discovery.ts';
import { discoverTokenService, knownTokenService } from './discovery.ts';

/** Where tokens for one server are asked for, and as whom. */
export interface TokenEndpointOptions {
  /** The issuer, which tells its endpoint, or the endpoint itself. */
  readonly at: { readonly issuer: string } | { readonly endpoint: URL };
  readonly clientId: string;
  readonly proof: ClientProof;
  readonly fetch: FetchDocument;
}

/** Parameters of a request for a token. */
export type Grant = Readonly<Record<string, string>>;

/** How long metadata is believed; an endpoint that has moved is found again after it. */
const METADATA_MS = 3_600_000;

/** An authorization server's token endpoint, with the gateway as its client. */
export class TokenEndpoint {
  readonly #options: TokenEndpointOptions;
  #service: { readonly value: TokenService; readonly untilMs: number } | null = null;

  constructor(options: TokenEndpointOptions) {
    this.#options = options;
  }

  /** Whether an origin is that of the configuration, for tellers. */
  get origin(): string {
    const { at } = this.#options;
    return 'issuer' in at ? new URL(at.issuer).origin : at.endpoint.origin;
  }

  /**
   * Finds out where the endpoint is.
   *
   * @throws UpstreamTokenUnavailable, UpstreamLinkRefused, UpstreamCertificateInvalid,
   *   UpstreamAddressRefused.
   */
  async locate(signal: AbortSignal): Promise<URL> {
    return this.#endpointOf(await this.#locate(signal));
  }

  /**
   * Asks for one token.
   *
   * @throws UpstreamTokenRefused when the server gives none, and what `locate` throws.
   */
  async ask(grant: Grant, isExchange: boolean, signal: AbortSignal): Promise<AccessToken> {
    const { at, clientId, proof, fetch } = this.#options;
    const service = await this.#locate(signal);
    const nowMs = Date.now();
    const { form, headers } = await proveClient(proof, { ...service, clientId });
    const url = this.#endpointOf(service);
    const configured = 'issuer' in at ? new URL(at.issuer) : at.endpoint;
    const body = new URLSearchParams({ ...grant, ...form });
    const answer = await asTokenError(() =>
      fetch({ url, configured, form: body, headers, signal }),
    );
    if (answer.status !== 200) throw this.#refusal(answer);
    return readAccessToken(answer.value, isExchange, nowMs);
  }

  #endpointOf({ endpoint, mtlsEndpoint }: TokenService): URL {
    return this.#options.proof.kind === 'certificate' ? mtlsEndpoint : endpoint;
  }

  async #locate(signal: AbortSignal): Promise<TokenService> {
    const { at, fetch } = this.#options;
    if ('endpoint' in at) return knownTokenService(at.endpoint);
    if (this.#service !== null && Date.now() < this.#service.untilMs) return this.#service.value;
    try {
      const value = await asTokenError(() => discoverTokenService(fetch, at.issuer, signal));
      this.#service = { value, untilMs: Date.now() + METADATA_MS };
      return value;
    } catch (thrown) {
      // Where it was an hour ago is worth a try.
      if (this.#service !== null) return this.#service.value;
      throw thrown;
    }
  }

  #refusal({ status, value }: FetchedDocument): PosternError {
    const { proof } = this.#options;
    const { error } = value;
    // Nothing else is quoted: descriptions may tell what was sent.
    const code = typeof error === 'string' && /^[\w.:/-]{1,64}$/.test(error) ? error : 'no reason';
    if (code === 'invalid_client' && proof.kind === 'secret') proof.refused();
    return new UpstreamTokenRefused(`the token endpoint answers ${status}: ${code}`, {
      details: { status, oauth_error: code },
    });
  }
}

/** Documents are a detail to whoever wants a token; links that are refused are not. */
async function asTokenError<T>(fetching: () => Promise<T>): Promise<T> {
  try {
    return await fetching();
  } catch (thrown) {
    const isDocument =
      thrown instanceof PosternError && thrown.code.startsWith('POSTERN_DOCUMENT_');
    if (!isDocument) throw thrown;
    throw new UpstreamTokenUnavailable(`no token can be had: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}
