import type { Limits } from '#lib';
import type { Revision } from '#mcp';
import { UpstreamProtocolError } from '../errors.ts';

/** A session at an upstream. */
export interface UpstreamSession {
  readonly id: string;
  readonly principal: string;
  /** In which it was used last. */
  readonly revision: Revision;
}

interface Entry extends UpstreamSession {
  revision: Revision;
  readonly endsAtMs: number;
  usedAtMs: number;
  /** Exchanges that are under way. */
  active: number;
}

type SessionLimits = Pick<
  Limits,
  'maxUpstreamSessions' | 'maxSessionsPerPrincipal' | 'sessionMaxAgeMs' | 'upstreamSessionIdleMs'
>;

/** Longer ids than any in use (a signed token is about 1 KB), and still cheap to remember. */
const MAX_ID_LENGTH = 4096;

/** Sessions that {@link SessionTable.expired} gives at a time: each costs an exchange to end. */
const MAX_EXPIRED = 32;

/**
 * Remembers whose an upstream's session ids are, and which of them are over. An id that is new here
 * belongs to the principal that comes with it: the caller has made sure that it may.
 */
export class SessionTable {
  readonly #limits: SessionLimits;
  readonly #onDropped: (session: UpstreamSession) => void;
  /** Least recently used first, like the maps below. */
  readonly #sessions = new Map<string, Entry>();
  readonly #byPrincipal = new Map<string, Map<string, Entry>>();
  /** Ids that are over, so that they are refused whatever their server thinks of them. */
  readonly #over = new Set<string>();

  /** @param onDropped told of each session that has to make room for another. */
  constructor(limits: SessionLimits, onDropped: (session: UpstreamSession) => void) {
    this.#limits = limits;
    this.#onDropped = onDropped;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /**
   * Remembers a session that its server has opened just now. Past a bound the least recently used one
   * is dropped, of the same principal first, so that nobody can push out the others.
   *
   * @throws UpstreamProtocolError for an id that no header may carry or that is somebody else's.
   */
  bind(id: string, principal: string, revision: Revision): void {
    if (id.length > MAX_ID_LENGTH || !/^[\x21-\x7e]+$/.test(id)) {
      throw new UpstreamProtocolError('the server gave a malformed session id');
    }
    const known = this.#sessions.get(id);
    if (known !== undefined && known.principal !== principal) {
      throw new UpstreamProtocolError('the server gave one session id to two principals');
    }
    this.#over.delete(id);
    const usedAtMs = Date.now();
    const endsAtMs = usedAtMs + this.#limits.sessionMaxAgeMs;
    const active = known?.active ?? 0;
    this.#insert({ id, principal, revision, endsAtMs, usedAtMs, active });
    const own = this.#byPrincipal.get(principal);
    if (own !== undefined && own.size > this.#limits.maxSessionsPerPrincipal) this.#drop(own, id);
    if (this.#sessions.size > this.#limits.maxUpstreamSessions) this.#drop(this.#sessions, id);
  }

  /** Whether this principal may use the session; counts as a use of it. */
  mayUse(id: string, principal: string, revision: Revision): boolean {
    if (this.#over.has(id)) return false;
    const session = this.#sessions.get(id);
    if (session === undefined) {
      this.bind(id, principal, revision);
      return true;
    }
    if (session.principal !== principal) return false;
    if (session.endsAtMs <= Date.now()) return false;
    session.usedAtMs = Date.now();
    session.revision = revision;
    this.#insert(session);
    return true;
  }

  /** An exchange in the session begins. @returns what to call when it is over. */
  enter(id: string): () => void {
    const session = this.#sessions.get(id);
    if (session === undefined) return () => undefined;
    session.active += 1;
    return () => {
      session.active -= 1;
      session.usedAtMs = Date.now();
    };
  }

  /** The session is over. */
  end(id: string): void {
    this.forget(id);
    this.#over.add(id);
    const [oldest] = this.#over;
    if (this.#over.size > this.#limits.maxUpstreamSessions && oldest !== undefined) {
      this.#over.delete(oldest);
    }
  }

  /** Forgets the session, which may come back. */
  forget(id: string): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    this.#sessions.delete(id);
    const own = this.#byPrincipal.get(session.principal);
    own?.delete(id);
    if (own?.size === 0) this.#byPrincipal.delete(session.principal);
  }

  /** Some sessions that are too old, or that nobody has used for too long. */
  expired(): readonly UpstreamSession[] {
    const nowMs = Date.now();
    const unusedSinceMs = nowMs - this.#limits.upstreamSessionIdleMs;
    const found: UpstreamSession[] = [];
    for (const session of this.#sessions.values()) {
      const idle = session.active === 0 && session.usedAtMs <= unusedSinceMs;
      if (idle || session.endsAtMs <= nowMs) found.push(session);
      if (found.length === MAX_EXPIRED) break;
    }
    return found;
  }

  clear(): void {
    this.#sessions.clear();
    this.#byPrincipal.clear();
    this.#over.clear();
  }

  /** Puts the session at the end that is dropped last. */
  #insert(session: Entry): void {
    this.forget(session.id);
    this.#sessions.set(session.id, session);
    const own = this.#byPrincipal.get(session.principal);
    if (own === undefined)
      this.#byPrincipal.set(session.principal, new Map([[session.id, session]]));
    else own.set(session.id, session);
  }

  /** Drops one for a newer one: unused for longest, or used least recently when all are in use. */
  #drop(sessions: ReadonlyMap<string, Entry>, newest: string): void {
    let dropped: Entry | undefined;
    for (const session of sessions.values()) {
      if (session.id === newest) continue;
      dropped ??= session;
      if (session.active > 0) continue;
      dropped = session;
      break;
    }
    if (dropped === undefined) return;
    this.forget(dropped.id);
    this.#onDropped(dropped);
  }
}
