import type { RequestFrame } from '#mcp';
import { SessionNotFound, SessionRequired, UpstreamOverloaded } from '../errors.ts';
import type { UpstreamReply, UpstreamRequest } from '../upstream.ts';
import type { ChannelSource, ServerContext } from './channel.ts';
import type { EventStreams } from './event-stream.ts';
import { ConnectionBook } from './presence.ts';
import type { SessionContext } from './session.ts';
import { Session } from './session.ts';

/** The sessions of one server. */
export class Sessions {
  readonly #context: SessionContext;
  readonly #byId = new Map<string, Session>();
  readonly #byPrincipal = new Map<string, Set<Session>>();

  constructor(server: ServerContext, channels: ChannelSource, streams: EventStreams) {
    this.#context = {
      server,
      channels,
      streams,
      book: new ConnectionBook(),
      onEnded: (session) => this.#remove(session),
    };
  }

  get size(): number {
    return this.#byId.size;
  }

  /**
   * Carries one exchange of the stateful era.
   *
   * @throws SessionRequired, SessionNotFound, UpstreamOverloaded, and what the session throws.
   */
  async exchange(request: UpstreamRequest): Promise<UpstreamReply> {
    const { sessionId, frame, principal } = request;
    if (sessionId !== null) {
      const session = this.#byId.get(sessionId);
      if (session?.principal !== principal) throw new SessionNotFound('no such session');
      return session.exchange(request);
    }
    if (frame?.kind !== 'request' || frame.method !== 'initialize') {
      throw new SessionRequired('the request names no session');
    }
    return this.#open(request, frame);
  }

  tick(now: number): void {
    for (const session of this.#byId.values()) session.tick(now);
  }

  close(): void {
    for (const session of this.#byId.values()) session.end('the gateway stops');
  }

  #open(request: UpstreamRequest, frame: RequestFrame): Promise<UpstreamReply> {
    const { principal } = request;
    this.#context.channels.check(principal);
    this.#makeRoom(principal);
    const session = new Session(this.#context, principal);
    this.#byId.set(session.id, session);
    const mine = this.#byPrincipal.get(principal);
    if (mine === undefined) this.#byPrincipal.set(principal, new Set([session]));
    else mine.add(session);
    return session.open(request, frame);
  }

  #makeRoom(principal: string): void {
    const { maxSessionsPerPrincipal, maxSessionsPerServer } = this.#context.server.limits;
    const mine = this.#byPrincipal.get(principal) ?? new Set<Session>();
    if (mine.size >= maxSessionsPerPrincipal && !evictOneOf(mine)) {
      throw overloaded('max_sessions_per_principal', maxSessionsPerPrincipal);
    }
    // One's own quiet sessions go before anybody else's, and of those only what nobody is there for.
    if (this.#byId.size < maxSessionsPerServer || evictOneOf(mine)) return;
    if (evictOneOf(abandoned(this.#byId.values()))) return;
    throw overloaded('max_sessions_per_server', maxSessionsPerServer);
  }

  #remove(session: Session): void {
    this.#byId.delete(session.id);
    const mine = this.#byPrincipal.get(session.principal);
    mine?.delete(session);
    if (mine?.size === 0) this.#byPrincipal.delete(session.principal);
  }
}

function abandoned(sessions: Iterable<Session>): Session[] {
  return [...sessions].filter((session) => !session.isAttended);
}

/** Ends the session that has been quiet the longest; false when all are in use. */
function evictOneOf(sessions: Iterable<Session>): boolean {
  const now = performance.now();
  let oldest: Session | null = null;
  for (const session of sessions) {
    if (!session.isQuiet(now)) continue;
    if (oldest === null || session.quietSince < oldest.quietSince) oldest = session;
  }
  oldest?.end('a newer session needed its place');
  return oldest !== null;
}

function overloaded(limit: string, max: number): Error {
  return new UpstreamOverloaded(`${max} sessions are open and all in use`, {
    details: { limit, max },
  });
}
