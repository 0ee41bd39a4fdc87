import { UpstreamProtocolError } from '../errors.ts';
import type { Limits } from '#lib';

interface Session {
  readonly id: string;
  readonly principal: string;
  readonly endsAtMs: number;
}

type SessionLimits = Pick<
  Limits,
  'maxUpstreamSessions' | 'maxSessionsPerPrincipal' | 'sessionMaxAgeMs'
>;

/** Longer ids than any in use (a signed token is about 1 KB), and still cheap to remember. */
const MAX_ID_LENGTH = 4096;

/**
 * Remembers whose an upstream's session ids are. An id is no proof of identity (MCP, "Session
 * Hijacking"), so it serves the principal alone whose `initialize` brought it.
 */
export class SessionTable {
  readonly #limits: SessionLimits;
  /** Least recently used first, like the maps below. */
  readonly #sessions = new Map<string, Session>();
  readonly #byPrincipal = new Map<string, Map<string, Session>>();

  constructor(limits: SessionLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /**
   * Remembers a new session. Past a bound the least recently used one is forgotten, of the same
   * principal first, so that nobody can push out the others.
   *
   * @throws UpstreamProtocolError for an id that no header may carry or that is somebody else's.
   */
  bind(id: string, principal: string): void {
    if (id.length > MAX_ID_LENGTH || !/^[\x21-\x7e]+$/.test(id)) {
      throw new UpstreamProtocolError('the server gave a malformed session id');
    }
    const known = this.#sessions.get(id);
    if (known !== undefined && known.principal !== principal) {
      throw new UpstreamProtocolError('the server gave one session id to two principals');
    }
    this.#insert({ id, principal, endsAtMs: Date.now() + this.#limits.sessionMaxAgeMs });
    const own = this.#byPrincipal.get(principal);
    if (own !== undefined && own.size > this.#limits.maxSessionsPerPrincipal) this.#drop(own);
    if (this.#sessions.size > this.#limits.maxUpstreamSessions) this.#drop(this.#sessions);
  }

  /** Whether the session exists and is this principal's; counts as a use of it. */
  isOwnedBy(id: string, principal: string): boolean {
    const session = this.#sessions.get(id);
    if (session === undefined || session.principal !== principal) return false;
    if (session.endsAtMs <= Date.now()) {
      this.forget(id);
      return false;
    }
    this.#insert(session);
    return true;
  }

  forget(id: string): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    this.#sessions.delete(id);
    const own = this.#byPrincipal.get(session.principal);
    own?.delete(id);
    if (own?.size === 0) this.#byPrincipal.delete(session.principal);
  }

  clear(): void {
    this.#sessions.clear();
    this.#byPrincipal.clear();
  }

  /** Puts the session at the end that is forgotten last. */
  #insert(session: Session): void {
    this.forget(session.id);
    this.#sessions.set(session.id, session);
    const own = this.#byPrincipal.get(session.principal);
    if (own === undefined)
      this.#byPrincipal.set(session.principal, new Map([[session.id, session]]));
    else own.set(session.id, session);
  }

  #drop(sessions: Map<string, Session>): void {
    const [oldest] = sessions.keys();
    if (oldest !== undefined) this.forget(oldest);
  }
}
