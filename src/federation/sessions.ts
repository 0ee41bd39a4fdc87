import { linkClass } from '#crypto';
import type { JsonObject } from '#mcp';
import { SessionNotFound, SessionRequired, UpstreamOverloaded } from '#transport';
import type { Federated } from './federated.ts';
import { FederatedSession } from './session.ts';
import type { Visit } from './visit.ts';

/** How often sessions are looked at whose time may be over. */
const TICK_MS = 1000;

/** The sessions of clients with the shared endpoint. */
export class FederatedSessions {
  readonly #federated: Federated;
  readonly #byId = new Map<string, FederatedSession>();
  #timer: NodeJS.Timeout | undefined;

  constructor(federated: Federated) {
    this.#federated = federated;
  }

  /** Opens one. @throws UpstreamOverloaded when there is no room, even without one's own quiet ones. */
  open(visit: Visit, params: JsonObject): FederatedSession {
    this.#makeRoom(visit.owner);
    const session = new FederatedSession(visit, params, this.#federated);
    this.#byId.set(session.id, session);
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref();
    return session;
  }

  /** The session that the visit names. @throws SessionRequired, SessionNotFound */
  of(visit: Visit): FederatedSession {
    const { sessionId, via, clientLink } = visit.call;
    if (sessionId === null) throw new SessionRequired('the request names no session');
    const session = this.#byId.get(sessionId);
    const mine =
      session?.owner === visit.owner &&
      session.via === via &&
      session.linkClass === linkClass(clientLink);
    if (!mine) throw new SessionNotFound('no such session of this caller');
    session.used(visit);
    return session;
  }

  end(session: FederatedSession): Promise<void> {
    this.#byId.delete(session.id);
    return session.end();
  }

  /** Forgets them all; their members end with the gateway. */
  close(): void {
    clearInterval(this.#timer);
    for (const session of this.#byId.values()) session.stream.end();
    this.#byId.clear();
  }

  #makeRoom(owner: string): void {
    const { maxSessionsPerPrincipal, maxFederatedSessions } = this.#federated.limits;
    const mine = [...this.#byId.values()].filter((session) => session.owner === owner);
    const full = this.#byId.size >= maxFederatedSessions;
    if (mine.length < maxSessionsPerPrincipal && !full) return;
    const quiet = mine.filter((session) => session.isQuiet);
    const [oldest] = quiet.toSorted((a, b) => a.usedAtMs - b.usedAtMs);
    if (oldest !== undefined) {
      void this.end(oldest);
      return;
    }
    const limit = full ? 'max_federated_sessions' : 'max_sessions_per_principal';
    const max = full ? maxFederatedSessions : maxSessionsPerPrincipal;
    throw new UpstreamOverloaded(`${max} sessions are open and all in use`, {
      details: { limit, max },
    });
  }

  #tick(): void {
    const now = Date.now();
    for (const session of this.#byId.values()) {
      if (session.isOver(now, this.#federated.limits)) void this.end(session);
    }
    if (this.#byId.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
