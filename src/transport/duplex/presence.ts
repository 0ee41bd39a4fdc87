import type { Limits } from '#lib';
import type { ClientConnection } from '../upstream.ts';

/** Connections of one session that are followed; more would only say again that it is in use. */
const MAX_CONNECTIONS = 256;

/** A session is quiet after this, even while its client keeps a connection open. */
const QUIET_MS = 1000;

/** What a session's client still has open, and for how long it has been silent. */
export class Presence {
  readonly #limits: Limits;
  readonly #createdAt = performance.now();
  readonly #connections = new Set<ClientConnection>();
  #openedAt: number | null = null;
  #ready = false;
  #stream: 'none' | 'open' | 'lost' = 'none';
  #quietSince = this.#createdAt;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** When something last happened, on the clock of performance.now(). */
  get quietSince(): number {
    return this.#quietSince;
  }

  /** Connections that the session was used over and that are still open. */
  get connections(): ReadonlySet<ClientConnection> {
    return this.#connections;
  }

  /** The server answered `initialize`. */
  opened(): void {
    this.#openedAt = performance.now();
    this.touch();
  }

  /** The client came back with the session's id. */
  used(): void {
    if (this.#openedAt !== null) this.#ready = true;
    this.touch();
  }

  touch(): void {
    this.#quietSince = performance.now();
  }

  /** @returns false when the connection is not followed. */
  connected(connection: ClientConnection): boolean {
    if (this.#connections.size >= MAX_CONNECTIONS) return false;
    this.#connections.add(connection);
    return true;
  }

  disconnected(connection: ClientConnection): void {
    this.#connections.delete(connection);
    this.touch();
  }

  streamOpened(): void {
    this.#stream = 'open';
    this.touch();
  }

  streamLost(): void {
    this.#stream = 'lost';
    this.touch();
  }

  /**
   * Why the session is over, `null` when it may live on.
   *
   * @param pending calls that somebody waits for: one whose client is gone keeps nothing alive.
   */
  expiry(now: number, pending: number): string | null {
    const limits = this.#limits;
    if (now - this.#createdAt > limits.sessionMaxAgeMs) return 'it reached its greatest age';
    if (this.#openedAt !== null && !this.#ready) {
      return now - this.#openedAt > limits.sessionSetupTimeoutMs
        ? 'its client never came back'
        : null;
    }
    if (pending > 0 || this.#stream === 'open' || this.#connections.size > 0) return null;
    const quietMs = now - this.#quietSince;
    if (this.#stream === 'lost' && quietMs > limits.sessionStreamLostTimeoutMs) {
      return 'its client lost the stream and did not come back';
    }
    return quietMs > limits.sessionIdleTimeoutMs ? 'it was idle' : null;
  }

  /** Whether the session may make room for a new one; `pending` as above. */
  isQuiet(now: number, pending: number): boolean {
    if (this.#stream === 'open') return false;
    // Calls that go on without their client give way.
    if (this.#connections.size === 0) return true;
    return pending === 0 && now - this.#quietSince >= QUIET_MS;
  }
}

/** Which sessions each client connection is used for; asks for one call-back a connection. */
export class ConnectionBook {
  readonly #users = new WeakMap<ClientConnection, Set<Presence>>();

  enter(connection: ClientConnection, presence: Presence): void {
    if (presence.connections.has(connection) || !presence.connected(connection)) return;
    const known = this.#users.get(connection);
    if (known !== undefined) {
      known.add(presence);
      return;
    }
    const users = new Set([presence]);
    this.#users.set(connection, users);
    connection.onceClosed(() => {
      this.#users.delete(connection);
      for (const user of users) user.disconnected(connection);
      users.clear();
    });
  }

  /** Forgets a session that has ended. */
  leave(presence: Presence): void {
    for (const connection of presence.connections) this.#users.get(connection)?.delete(presence);
  }
}
