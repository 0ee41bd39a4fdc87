import { CallCancelled, SessionNotFound } from '../errors.ts';
import type {
  Upstream,
  UpstreamHealth,
  UpstreamReply,
  UpstreamRequest,
  UpstreamStats,
} from '../upstream.ts';
import type { Errand, HttpUpstreamOptions } from './courier.ts';
import { Courier } from './courier.ts';
import { refuseOlderTransport, withOlderTransportHint } from './older-transport.ts';
import { passableEvent } from './passable.ts';
import { readHead } from './response-head.ts';
import { SessionKeeper } from './session-keeper.ts';

/** An MCP server over HTTP, on either of MCP's transports. */
export interface HttpUpstream extends Upstream {
  readonly kind: 'http' | 'sse';
  /**
   * Lets new exchanges use new connections alone, for when `tls` or the policy has changed: idle
   * connections close now, busy ones after their exchange.
   */
  recycle(): void;
}

/**
 * A Streamable HTTP server behind an http: URL on this machine or an https: URL anywhere.
 *
 * @throws TypeError when the URL and `tls` do not go together.
 */
export function createHttpUpstream(options: HttpUpstreamOptions): HttpUpstream {
  return new StreamableHttpUpstream(options);
}

class StreamableHttpUpstream implements HttpUpstream {
  readonly name: string;
  readonly kind = 'http';
  readonly #url: URL;
  readonly #sessions: SessionKeeper;
  readonly #courier: Courier;

  constructor(options: HttpUpstreamOptions) {
    this.name = options.name;
    this.#url = options.url;
    this.#sessions = new SessionKeeper({
      ...options,
      shared: options.sharedSessions ?? false,
      end: (request) => this.#endSession(request),
    });
    this.#courier = new Courier(options);
  }

  async exchange(request: UpstreamRequest): Promise<UpstreamReply> {
    if (request.signal.aborted) throw new CallCancelled('the client has gone');
    const sessionId = this.#sessionOf(request);
    this.#courier.checkCredentials();
    try {
      const errand = this.#errandFor(request, sessionId);
      const reply = await this.#courier.send(errand, gateOf(request), request);
      if (opensSession(request)) refuseOlderTransport(reply);
      if (reply.sessionId !== null) this.#bind(reply.sessionId, request, reply);
      const ended = request.httpMethod === 'DELETE' && reply.status < 300;
      if (sessionId !== null && ended) this.#sessions.table.end(sessionId);
      return reply;
    } catch (error) {
      if (sessionId !== null && error instanceof SessionNotFound) {
        this.#sessions.table.end(sessionId);
      }
      throw opensSession(request) ? withOlderTransportHint(error) : error;
    }
  }

  health(): Promise<UpstreamHealth> {
    return this.#courier.health();
  }

  stats(): UpstreamStats {
    const { connections } = this.#courier;
    return { sessions: this.#sessions.table.size, children: 0, connections };
  }

  recycle(): void {
    this.#courier.recycle();
  }

  async close(): Promise<void> {
    this.#sessions.close();
    await this.#courier.close();
  }

  /** @throws SessionNotFound when the session is not this principal's, or over. */
  #sessionOf({ revision, sessionId, principal }: UpstreamRequest): string | null {
    if (revision.era !== 'stateful' || sessionId === null) return null;
    if (this.#sessions.mayUse(sessionId, principal, revision)) return sessionId;
    throw new SessionNotFound('the session does not exist, or belongs to somebody else');
  }

  #errandFor(request: UpstreamRequest, sessionId: string | null): Errand {
    const { httpMethod, frame } = request;
    const asked = { httpMethod, frame, sessionId, opensSession: opensSession(request) };
    const { table } = this.#sessions;
    return {
      httpMethod,
      readHead: (status, headers) => readHead(asked, status, headers),
      passEvent: passableEvent,
      path: this.#url.pathname + this.#url.search,
      headers: () => this.#courier.headers.of(request),
      body: frame?.bytes ?? null,
      longLived: isLongLived(request),
      signal: request.signal,
      onLink: (link) => request.onLink(link),
      ...(sessionId === null ? {} : { enter: () => table.enter(sessionId) }),
    };
  }

  async #endSession(request: UpstreamRequest): Promise<void> {
    this.#courier.checkCredentials();
    const errand = this.#errandFor(request, request.sessionId);
    await this.#courier.send(errand, 'answers', request);
  }

  #bind(sessionId: string, request: UpstreamRequest, reply: UpstreamReply): void {
    try {
      this.#sessions.bind(sessionId, request.principal, request.revision);
    } catch (error) {
      if (reply.kind === 'events') void reply.events[Symbol.asyncIterator]().return?.();
      throw error;
    }
  }
}

function methodOf({ frame }: UpstreamRequest): string | null {
  return frame?.kind === 'request' ? frame.method : null;
}

function opensSession(request: UpstreamRequest): boolean {
  return request.revision.era === 'stateful' && methodOf(request) === 'initialize';
}

function isLongLived(request: UpstreamRequest): boolean {
  return request.httpMethod === 'GET' || methodOf(request) === 'subscriptions/listen';
}

function gateOf(request: UpstreamRequest): 'streams' | 'calls' | 'answers' {
  if (isLongLived(request)) return 'streams';
  return request.frame?.kind === 'request' ? 'calls' : 'answers';
}
