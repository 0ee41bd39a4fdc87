import { UNDECLARED_REVISION } from '#mcp';
import type { UpstreamRequest } from '../upstream.ts';

/** Set here from the parts of the request, whatever the client's own headers say. */
const OWN = new Set(['mcp-protocol-version', 'mcp-session-id']);

const ANY_REPLY = 'application/json, text/event-stream';

/** Names and values in turn, as undici takes them. */
type HeaderList = string[];

/** Makes the headers of exchanges; nothing of the client's request but its `Mcp-*` headers passes. */
export class RequestHeaders {
  readonly #post: HeaderList;
  readonly #get: HeaderList;
  readonly #delete: HeaderList;

  /** @param configured the gateway's own headers for this upstream, such as its credentials. */
  constructor(configured: Readonly<Record<string, string>>) {
    // Encoded replies are refused, so none is asked for.
    const common = ['user-agent', 'postern', 'accept-encoding', 'identity'];
    common.push(...Object.entries(configured).flat());
    this.#post = [...common, 'content-type', 'application/json', 'accept', ANY_REPLY];
    this.#get = [...common, 'accept', 'text/event-stream'];
    this.#delete = [...common, 'accept', 'application/json'];
  }

  of(request: UpstreamRequest): HeaderList {
    const headers = this.#fixed(request.httpMethod).slice();
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

  #fixed(method: UpstreamRequest['httpMethod']): HeaderList {
    if (method === 'POST') return this.#post;
    return method === 'GET' ? this.#get : this.#delete;
  }
}
