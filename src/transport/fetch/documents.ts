import { isLoopback } from '#config';
import type { EventSink, Limits } from '#lib';
import { CallCancelled, DocumentInvalid, DocumentTimeout } from '../errors.ts';
import type { Reach, Resolve } from '../http/address-guard.ts';
import type { Connect, ConnectorOptions, HttpUpstreamTls } from '../http/connect.ts';
import { createConnector } from '../http/connect.ts';
import type { FetchedDocument } from './answer.ts';
import { readDocument } from './answer.ts';
import type { HopAnswer } from './hop.ts';
import { makeHop } from './hop.ts';
import { redirectTarget } from './redirect.ts';

/** What {@link createDocumentFetcher} needs. */
export interface DocumentFetcherOptions {
  /** MCP server for whose sake it fetches; `null` when it is for none. */
  readonly server: string | null;
  /** How links are made: asked for each; the same object while nothing changes. */
  readonly tls: () => HttpUpstreamTls;
  /** How far inside hosts may be. Default: `private`. */
  readonly reach?: Reach;
  readonly resolve?: Resolve;
  readonly limits: Limits;
  readonly events: EventSink;
  /** Why policy refuses a link, `null` when it does not. */
  readonly acceptLink: ConnectorOptions['acceptLink'];
}

/** A document to fetch. */
export interface DocumentRequest {
  /** https:, or http: on this machine. */
  readonly url: URL;
  /**
   * Stands in the configuration, when the URL itself does not but was found there: at other hosts
   * nothing is trusted, and no address of this machine is gone to. Default: the URL itself.
   */
  readonly configured?: URL;
  /** POSTed when given; else the document is asked for with GET. */
  readonly form?: URLSearchParams;
  /** More headers, by lower-case name; with a redirect they go to the same origin alone. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/**
 * Fetches one document.
 *
 * @throws DocumentUnavailable (with the `status` in its details when there was an answer),
 *   DocumentTimeout, DocumentTooLarge, DocumentInvalid, DocumentRedirectRefused; UpstreamLinkRefused,
 *   UpstreamCertificateInvalid, UpstreamAddressRefused for a link that is not made; CallCancelled.
 */
export type FetchDocument = (request: DocumentRequest) => Promise<FetchedDocument>;

const COMMON_HEADERS: readonly string[] = Object.entries({
  'user-agent': 'postern',
  accept: 'application/json',
  'accept-encoding': 'identity',
}).flat();

const MAX_REDIRECTS = 3;
/** Connectors keep compiled TLS settings; there are few hosts. */
const MAX_CONNECTORS = 32;

/**
 * Makes what fetches small JSON documents for the gateway itself: keys and metadata of token issuers,
 * tokens. Links are made, judged and bounded as those to MCP servers.
 */
export function createDocumentFetcher(options: DocumentFetcherOptions): FetchDocument {
  const fetcher = new DocumentFetcher(options);
  return (request) => fetcher.fetch(request);
}

/** One document on its way, through all redirects. */
interface Errand extends DocumentRequest {
  readonly configured: URL;
  readonly signal: AbortSignal;
}

class DocumentFetcher {
  readonly #options: DocumentFetcherOptions;
  readonly #connectors = new Map<string, Connect>();

  constructor(options: DocumentFetcherOptions) {
    this.#options = options;
  }

  async fetch(request: DocumentRequest): Promise<FetchedDocument> {
    const { url, configured = url, signal: wanted } = request;
    const { documentTimeoutMs: ms } = this.#options.limits;
    const deadline = new AbortController();
    const timer = setTimeout(() => {
      deadline.abort(new DocumentTimeout(`${url.host}: no whole answer within ${ms} ms`));
    }, ms);
    const signal =
      wanted === undefined ? deadline.signal : AbortSignal.any([deadline.signal, wanted]);
    try {
      const answer = await this.#follow({ ...request, configured, signal });
      return readDocument(url.host, request.form !== undefined, answer, this.#options.limits);
    } catch (thrown) {
      throw wanted?.aborted === true ? new CallCancelled('nobody waits for the document') : thrown;
    } finally {
      clearTimeout(timer);
    }
  }

  async #follow(errand: Errand): Promise<HopAnswer> {
    let { url } = errand;
    for (let redirects = 0; ; redirects += 1) {
      const answer = await this.#hop(url, errand);
      const { status, headers } = answer;
      if (status < 300 || status >= 400) return answer;
      const allowed = errand.form === undefined && redirects < MAX_REDIRECTS;
      url = redirectTarget(url, status, headers, allowed);
    }
  }

  #hop(
    url: URL,
    { url: first, configured, form, headers = {}, signal }: Errand,
  ): Promise<HopAnswer> {
    const isFirst = url.origin === first.origin;
    const { limits, server } = this.#options;
    const connect = this.#connectorFor(url, url.origin === configured.origin, isFirst);
    const request = {
      method: form === undefined ? ('GET' as const) : ('POST' as const),
      path: url.pathname + url.search,
      headers: [
        ...COMMON_HEADERS,
        ...(form === undefined ? [] : ['content-type', 'application/x-www-form-urlencoded']),
        ...(isFirst ? Object.entries(headers).flat() : []),
      ],
      body: form === undefined ? null : Buffer.from(form.toString()),
    };
    return makeHop(
      connect,
      request,
      { name: server, host: url.host },
      {
        signal,
        silenceMs: limits.documentTimeoutMs,
        maxBytes: limits.maxDocumentBytes,
        maxHeaderBytes: limits.maxHeaderBytes,
      },
    );
  }

  #connectorFor(url: URL, isConfigured: boolean, isFirst: boolean): Connect {
    const key = `${url.origin} ${isConfigured} ${isFirst}`;
    const known = this.#connectors.get(key);
    if (known !== undefined) return known;
    if (this.#connectors.size >= MAX_CONNECTORS) this.#connectors.clear();
    const made = this.#connector(url, isConfigured, isFirst);
    this.#connectors.set(key, made);
    return made;
  }

  /** @throws DocumentInvalid for a URL to which nothing of the gateway goes. */
  #connector(url: URL, isConfigured: boolean, isFirst: boolean): Connect {
    const isSecure = url.protocol === 'https:';
    if (
      !isSecure &&
      (url.protocol !== 'http:' || !isLoopback(url.hostname.replace(/^\[|\]$/g, '')))
    ) {
      throw new DocumentInvalid(`${url.host}: documents are fetched over https: alone`);
    }
    const { server, tls, reach = 'private', resolve, limits, events, acceptLink } = this.#options;
    const shown = isFirst ? tls : () => withoutCredentials(tls());
    return createConnector({
      name: server,
      url,
      tls: isSecure ? shown : null,
      addresses: { reach, isConfigured },
      ...(resolve === undefined ? {} : { resolve }),
      limits,
      events,
      acceptLink,
    });
  }
}

/** Another origin is not shown who the gateway is. */
function withoutCredentials(tls: HttpUpstreamTls): HttpUpstreamTls {
  const { clientCredential: _, secondCredential: __, ...rest } = tls;
  return rest;
}
