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
import type { SessionPlace } from './endpoints.ts';
import { refuseOlderTransport, withOlderTransportHint } from './older-transport.ts';
import { passableEvent } from './passable.ts';
import { isRead } from './reads.ts';
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
 * A Streamable HTTP server behind http: URLs on this machine or https: URLs anywhere. A session stays
 * at the endpoint that opened it.
 *
 * @throws TypeError when a URL and `tls` do not go together.
 */
export function createHttpUpstream(options: HttpUpstreamOptions): HttpUpstream {
  return new StreamableHttpUpstream(options);
}

class StreamableHttpUpstream implements HttpUpstream {
  readonly name: string;
  readonly kind = 'http';
  readonly #sessions: SessionKeeper;
  readonly #courier: Courier;

  constructor(options: HttpUpstreamOptions) {
    this.name = options.name;
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
      if (opensSession(request)) return await this.#open(errand, request);
      const reply = await this.#courier.send(errand, gateOf(request), request);
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
    return { sessions: this.#sessions.table.size, children: 0, ...this.#courier.stats() };
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

  async #open(errand: Errand, request: UpstreamRequest): Promise<UpstreamReply> {
    const { endpoints } = this.#courier;
    let [opener] = endpoints.all;
    const onEndpoint: Errand['onEndpoint'] = (endpoint) => {
      opener = endpoint;
    };
    const told = { ...errand, onEndpoint };
    const reply = await this.#courier.send(told, 'calls', request);
    refuseOlderTransport(reply);
    if (reply.sessionId === null) return reply;
    const sessionId = endpoints.nameSession({ endpoint: opener, id: reply.sessionId });
    this.#bind(sessionId, request, reply);
    return { ...reply, sessionId };
  }

  /** @throws SessionNotFound */
  #errandFor(request: UpstreamRequest, sessionId: string | null): Errand {
    const { httpMethod, frame } = request;
    const asked = { httpMethod, frame, sessionId, opensSession: opensSession(request) };
    const { table } = this.#sessions;
    const place = sessionId === null ? null : this.#placeOf(sessionId, request.principal);
    return {
      at: place?.endpoint ?? null,
      path: null,
      httpMethod,
      readHead: (status, headers) => readHead(asked, status, headers),
      passEvent: passableEvent,
      headers: () => this.#courier.headers.of(request, place?.id ?? null),
      body: frame?.bytes ?? null,
      longLived: isLongLived(request),
      // Within a session an id serves one request, and the server may have taken it.
      repeatable: sessionId === null && isRead(frame),
      signal: request.signal,
      onLink: (link) => request.onLink(link),
      ...(sessionId === null ? {} : { enter: () => table.enter(sessionId) }),
    };
  }

  /**
   * Where a session is. One whose endpoint is down is over while there are others: its client begins
   * anew at one of those.
   *
   * @throws SessionNotFound
   */
  #placeOf(sessionId: string, principal: string): SessionPlace {
    const { endpoints } = this.#courier;
    const place = endpoints.placeOf(sessionId);
    if (place === null) throw new SessionNotFound('the server has no such endpoint any more');
    const { breaker } = place.endpoint;
    // While a trial is under way it may be back in a moment.
    if (breaker.isReady(principal) || breaker.state === 'trying') return place;
    if (!endpoints.has(principal, [place.endpoint])) return place;
    throw new SessionNotFound('the endpoint of the session is down; a new one goes to another');
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
