import type { Limits } from '#lib';
import type { JsonObject, RequestFrame, ResponseFrame } from '#mcp';
import { isObject } from '#mcp';
import type { Upstream, UpstreamReply, UpstreamRequest } from '#transport';
import { SessionNotFound, UpstreamOverloaded, UpstreamProtocolError } from '#transport';
import { errorAnswer, errorOf, framesOf, requestFrame, resultFrame } from '../frames.ts';
import { introduced, STATELESS } from '../meta.ts';
import { errorForStateful } from '../results.ts';
import type { Opening } from './initialize.ts';
import { initializeResult, openingOf } from './initialize.ts';
import { toServer } from './server.ts';
import { Session } from './session.ts';

/** How often ends of sessions are looked for. */
const TICK_MS = 1000;

/** Clients of the stateful era before one server of the stateless era. */
export class ToStateless {
  readonly #upstream: Upstream;
  readonly #limits: Limits;
  readonly #byId = new Map<string, Session>();
  #timer: NodeJS.Timeout | null = null;
  #lastId = 0;

  constructor(upstream: Upstream, limits: Limits) {
    this.#upstream = upstream;
    this.#limits = limits;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Carries an exchange of a session. @throws SessionNotFound, and what the session throws. */
  async exchange(request: UpstreamRequest): Promise<UpstreamReply> {
    const session = this.#byId.get(request.sessionId ?? '');
    if (session?.principal !== request.principal) throw new SessionNotFound('no such session');
    return session.exchange(request);
  }

  /**
   * Opens a session for `initialize`.
   *
   * @throws UpstreamOverloaded, and what asking the server meets.
   */
  async open(request: UpstreamRequest, frame: RequestFrame): Promise<UpstreamReply> {
    request.onRevision(STATELESS);
    const opening = openingOf(frame);
    if ('code' in opening) return answer(errorAnswer(frame.id, opening));
    const { principal, signal } = request;
    const discover = requestFrame(
      this.#nextId(),
      'server/discover',
      introduced({}, { ...opening.client, logLevel: null }),
    );
    const asked = toServer(discover, {
      principal,
      signal,
      onLink: (link) => request.onLink(link),
    });
    const found = await this.#discovered(await this.#upstream.exchange(asked), frame);
    if (found.refused !== null) return answer(found.refused);
    const result = initializeResult(opening.revision, found.result);
    const session = this.#add(principal, opening, result['capabilities']);
    return { ...answer(resultFrame(frame.id, result)), sessionId: session.id };
  }

  close(): void {
    for (const session of this.#byId.values()) session.end();
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #add(principal: string, opening: Opening, capabilities: unknown): Session {
    this.#makeRoom(principal);
    const context = {
      upstream: this.#upstream,
      limits: this.#limits,
      nextId: () => this.#nextId(),
      onEnded: (ended: Session) => this.#byId.delete(ended.id),
    };
    const server = isObject(capabilities) ? capabilities : {};
    const session = new Session(context, principal, opening, server);
    this.#byId.set(session.id, session);
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref();
    return session;
  }

  async #discovered(reply: UpstreamReply, { id }: RequestFrame): Promise<Discovered> {
    for await (const message of framesOf(reply, this.#limits)) {
      if (message.kind !== 'response') continue;
      const error = errorOf(message);
      if (error !== null) {
        return { refused: errorAnswer(id, errorForStateful('server/discover', error)) };
      }
      if ('result' in message.outcome) return { refused: null, result: message.outcome.result };
    }
    throw new UpstreamProtocolError('the server did not answer server/discover');
  }

  #nextId(): string {
    this.#lastId += 1;
    return `postern-${this.#lastId}`;
  }

  #makeRoom(principal: string): void {
    const { maxSessionsPerPrincipal, maxSessionsPerServer } = this.#limits;
    const mine = [...this.#byId.values()].filter((session) => session.principal === principal);
    if (mine.length >= maxSessionsPerPrincipal && !endOneOf(mine)) {
      throw overloaded('max_sessions_per_principal', maxSessionsPerPrincipal);
    }
    if (this.#byId.size < maxSessionsPerServer || endOneOf(mine)) return;
    throw overloaded('max_sessions_per_server', maxSessionsPerServer);
  }

  #tick(): void {
    const now = performance.now();
    for (const session of this.#byId.values()) if (session.isOver(now)) session.end();
    if (this.#byId.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}

/** What came of `server/discover`: its result, or the error for the client. */
type Discovered =
  { readonly refused: ResponseFrame } | { readonly refused: null; readonly result: JsonObject };

/** Ends the session that has been idle the longest; false when all are in use. */
function endOneOf(sessions: readonly Session[]): boolean {
  const [oldest] = sessions
    .filter((session) => session.idle)
    .toSorted((a, b) => a.usedAt - b.usedAt);
  oldest?.end();
  return oldest !== undefined;
}

function overloaded(limit: string, max: number): Error {
  return new UpstreamOverloaded(`${max} sessions are open and all in use`, {
    details: { limit, max },
  });
}

function answer(frame: ResponseFrame): UpstreamReply {
  return { kind: 'json', status: 200, frame, sessionId: null };
}
