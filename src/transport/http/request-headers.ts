import { UNDECLARED_REVISION } from '#mcp';
import type { UpstreamRequest } from '../upstream.ts';

/** Set here from the parts of the request, whatever the client's own headers say. */
const OWN = new Set(['mcp-protocol-version', 'mcp-session-id']);

const ANY_REPLY = 'application/json, text/event-stream';

/** Names and values in turn. */
type HeaderList = string[];

/** Makes the headers of exchanges; nothing of the client's request but its `Mcp-*` headers passes. */
export class RequestHeaders {
  readonly #configured: Configured;
  readonly #changing: () => Configured;
  #common: { readonly from: Configured; readonly lists: CommonHeaders } | null = null;

  /**
   * @param configured the gateway's own headers for this upstream.
   * @param changing more of them, of the moment; the same object while nothing changes.
   */
  constructor(configured: Configured, changing: () => Configured) {
    this.#configured = configured;
    this.#changing = changing;
  }

  /** @throws what `changing` throws. */
  of(request: UpstreamRequest): HeaderList {
    const headers = this.own(request.httpMethod);
    for (const [name, value] of Object.entries(request.mcpHeaders)) {
      if (name.startsWith('mcp-') && !OWN.has(name)) headers.push(name, value);
    }
    // A client that declared no revision is one whose revision the server knows without.
    if (request.revision !== UNDECLARED_REVISION) {
      headers.push('mcp-protocol-version', request.revision.name);
    }
    if (request.revision.era === 'stateful') {
      if (request.sessionId !== null) headers.push('mcp-session-id', request.sessionId);
      if (request.lastEventId !== null) headers.push('last-event-id', request.lastEventId);
    }
    return headers;
  }

  /**
   * The gateway's own alone, for a transport that has none of MCP's.
   *
   * @throws what `changing` throws.
   */
  own(httpMethod: UpstreamRequest['httpMethod']): HeaderList {
    return this.#lists()[httpMethod].slice();
  }

  /** They are the same for every call until a credential changes. */
  #lists(): CommonHeaders {
    const from = this.#changing();
    if (this.#common?.from !== from) {
      const lists = commonHeaders({ ...this.#configured, ...from });
      this.#common = { from, lists };
    }
    return this.#common.lists;
  }
}

type Configured = Readonly<Record<string, string>>;

type CommonHeaders = Readonly<Record<UpstreamRequest['httpMethod'], HeaderList>>;

function commonHeaders(configured: Configured): CommonHeaders {
  // Encoded replies are refused, so none is asked for.
  const common = ['user-agent', 'postern', 'accept-encoding', 'identity'];
  common.push(...Object.entries(configured).flat());
  return {
    POST: [...common, 'content-type', 'application/json', 'accept', ANY_REPLY],
    GET: [...common, 'accept', 'text/event-stream'],
    DELETE: [...common, 'accept', 'application/json'],
  };
}
