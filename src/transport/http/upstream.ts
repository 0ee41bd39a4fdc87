import { TLSSocket } from 'node:tls';
import type { Limits, PosternError } from '#lib';
import { messageOf } from '#lib';
import type { Credentials } from '../credentials/credentials.ts';
import {
  CallCancelled,
  SessionNotFound,
  UpstreamCredentialsRefused,
  UpstreamUnavailable,
} from '../errors.ts';
import type {
  Upstream,
  UpstreamHealth,
  UpstreamReply,
  UpstreamRequest,
  UpstreamStats,
} from '../upstream.ts';
import { connectFailure } from './connect-errors.ts';
import type { Connect, ConnectorOptions } from './connect.ts';
import { createConnector } from './connect.ts';
import type { ExchangePlan } from './exchange.ts';
import { carry } from './exchange.ts';
import { Gate } from './gate.ts';
import { pinOf } from './pins.ts';
import type { Connection } from './pool.ts';
import { Pool } from './pool.ts';
import { RequestHeaders } from './request-headers.ts';
import type { ServerLabel } from './server-label.ts';
import { SessionKeeper } from './session-keeper.ts';

/** What {@link createHttpUpstream} needs. */
export interface HttpUpstreamOptions extends Omit<ConnectorOptions, 'limits'> {
  /** The gateway's own headers for this server, such as its credentials. */
  readonly headers: Readonly<Record<string, string>>;
  /** More of them, whose values change. */
  readonly credentials?: Pick<Credentials, 'current' | 'refused'>;
  /** Other gateways use the same sessions: one that is not used here any more may be in use there. */
  readonly sharedSessions?: boolean;
  readonly limits: Limits;
}

/** An MCP server that speaks Streamable HTTP. */
export interface HttpUpstream extends Upstream {
  readonly kind: 'http';
  /**
   * Lets new exchanges use new connections alone, for when `tls` or the policy has changed: idle
   * connections close now, busy ones after their exchange.
   */
  recycle(): void;
}

/**
 * An MCP server behind an http: URL on this machine or an https: URL anywhere.
 *
 * @throws TypeError when the URL and `tls` do not go together.
 */
export function createHttpUpstream(options: HttpUpstreamOptions): HttpUpstream {
  const secure = options.url.protocol === 'https:';
  if (secure === (options.tls === null)) throw new TypeError('https: needs tls, http: has none');
  return new StreamableHttpUpstream(options);
}

class StreamableHttpUpstream implements HttpUpstream {
  readonly name: string;
  readonly kind = 'http';
  readonly #url: URL;
  readonly #label: ServerLabel;
  readonly #limits: Limits;
  readonly #credentials: NonNullable<HttpUpstreamOptions['credentials']>;
  readonly #headers: RequestHeaders;
  readonly #sessions: SessionKeeper;
  readonly #connect: Connect;
  readonly #pool: Pool;
  readonly #gates: Gates;
  readonly #closing = new AbortController();

  constructor(options: HttpUpstreamOptions) {
    this.name = options.name;
    this.#url = options.url;
    this.#label = { name: options.name, host: options.url.host };
    this.#limits = options.limits;
    this.#credentials = options.credentials ?? NO_CREDENTIALS;
    this.#headers = new RequestHeaders(options.headers, () => this.#credentials.current());
    this.#sessions = new SessionKeeper({
      ...options,
      shared: options.sharedSessions ?? false,
      end: (request) => this.#endSession(request),
    });
    this.#connect = createConnector(options);
    this.#pool = new Pool(options.url, this.#connect, options.limits);
    this.#gates = createGates(options.limits);
  }

  async exchange(request: UpstreamRequest): Promise<UpstreamReply> {
    if (request.signal.aborted) throw new CallCancelled('the client has gone');
    this.#checkSession(request);
    const plan = this.#plan(request);
    const { sessionId } = plan.asked;
    try {
      const reply = await this.#send(plan, this.#gateOf(plan), request.principal);
      if (reply.sessionId !== null) this.#bind(reply.sessionId, request, reply);
      const ended = request.httpMethod === 'DELETE' && reply.status < 300;
      if (sessionId !== null && ended) this.#sessions.table.end(sessionId);
      return reply;
    } catch (error) {
      if (sessionId !== null && error instanceof SessionNotFound) {
        this.#sessions.table.end(sessionId);
      }
      if (isUnauthorized(error)) this.#credentials.refused();
      throw error;
    }
  }

  async health(): Promise<UpstreamHealth> {
    try {
      const { socket, link } = await this.#connect(this.#closing.signal);
      const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
      socket.destroy();
      const how = link.kind === 'tls' ? `TLS with ${link.group.name}` : 'plain HTTP';
      const key = certificate === undefined ? '' : `; its key is ${pinOf(certificate)}`;
      const detail = `connected to ${this.#url.host} over ${how}${key}`;
      return { reachable: true, detail, link };
    } catch (error) {
      return { reachable: false, detail: messageOf(error), link: null };
    }
  }

  stats(): UpstreamStats {
    return { sessions: this.#sessions.table.size, children: 0, connections: this.#pool.size };
  }

  recycle(): void {
    this.#pool.recycle();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const gate of Object.values(this.#gates)) gate.close();
    this.#sessions.close();
    await this.#pool.close();
  }

  /** @throws SessionNotFound when the session is not this principal's, or over. */
  #checkSession({ sessionId, principal, revision }: UpstreamRequest): void {
    if (sessionId === null || revision.era !== 'stateful') return;
    if (this.#sessions.mayUse(sessionId, principal, revision)) return;
    throw new SessionNotFound('the session does not exist, or belongs to somebody else');
  }

  /** @throws UpstreamCredentialUnavailable */
  #plan(request: UpstreamRequest): ExchangePlan {
    const { httpMethod, frame } = request;
    const stateful = request.revision.era === 'stateful';
    const sessionId = stateful ? request.sessionId : null;
    // Values that are there now will be there when the exchange is sent.
    this.#credentials.current();
    const method = frame?.kind === 'request' ? frame.method : null;
    return {
      asked: { httpMethod, frame, sessionId, opensSession: stateful && method === 'initialize' },
      path: this.#url.pathname + this.#url.search,
      headers: () => this.#headers.of(request),
      body: frame?.bytes ?? null,
      longLived: httpMethod === 'GET' || method === 'subscriptions/listen',
      signal: request.signal,
      onLink: (link) => request.onLink(link),
      server: this.#label,
      limits: this.#limits,
    };
  }

  #gateOf(plan: ExchangePlan): Gate {
    if (plan.longLived) return this.#gates.streams;
    return plan.asked.frame?.kind === 'request' ? this.#gates.calls : this.#gates.answers;
  }

  async #send(plan: ExchangePlan, gate: Gate, principal: string): Promise<UpstreamReply> {
    for (;;) {
      await gate.enter(principal, plan.signal);
      const leave = (): void => gate.leave(principal);
      const connection = await this.#take(plan.signal, leave);
      const { reused } = connection;
      const { sessionId } = plan.asked;
      const exit = sessionId === null ? null : this.#sessions.table.enter(sessionId);
      const outcome = await carry(connection, plan, () => {
        this.#pool.release(connection);
        leave();
        exit?.();
      });
      if (outcome !== 'unsent') return outcome;
      // A server may close an idle connection at any time; one that closes new ones is broken.
      if (!reused) throw this.#closedAtOnce(connection);
    }
  }

  async #take(signal: AbortSignal, leave: () => void): Promise<Connection> {
    try {
      return await this.#pool.take(signal);
    } catch (error) {
      leave();
      throw error;
    }
  }

  #closedAtOnce({ failure }: Connection): PosternError {
    if (failure !== null) return connectFailure(failure, this.#label);
    return new UpstreamUnavailable(`${this.#url.host}: it closes new connections at once`);
  }

  async #endSession(request: UpstreamRequest): Promise<void> {
    await this.#send(this.#plan(request), this.#gates.answers, request.principal);
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

const NONE: Readonly<Record<string, string>> = {};
const NO_CREDENTIALS = { current: () => NONE, refused: () => undefined };

/** 401, not 403: newer credentials may help (RFC 9110 §15.5.2). */
function isUnauthorized(error: unknown): boolean {
  return error instanceof UpstreamCredentialsRefused && error.details['status'] === 401;
}

/**
 * Streams are counted apart, since they would otherwise take the place of calls for hours. So are
 * answers to the server's own questions: a call may wait for one, and must not be what it waits for.
 */
function createGates(limits: Limits): Gates {
  const { maxUpstreamConnections, maxUpstreamStreams } = limits;
  const calls = {
    max: maxUpstreamConnections,
    maxQueue: limits.maxUpstreamQueue,
    waitMs: limits.upstreamIdleTimeoutMs,
    limit: 'max_upstream_connections',
  };
  const streams = { max: maxUpstreamStreams, maxQueue: 0, limit: 'max_upstream_streams' };
  return {
    calls: new Gate(calls),
    answers: new Gate(calls),
    streams: new Gate({ ...calls, ...streams }),
  };
}

interface Gates {
  /** Requests that have an answer. */
  readonly calls: Gate;
  /** Notifications, answers to the server, and the end of a session. */
  readonly answers: Gate;
  /** What stays open for as long as the client wants. */
  readonly streams: Gate;
}
