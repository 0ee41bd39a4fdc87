import type { EventSink, Limits } from '#lib';
import { messageOf } from '#lib';
import type { Revision } from '#mcp';
import type { UpstreamRequest } from '../upstream.ts';
import type { UpstreamSession } from './sessions.ts';
import { SessionTable } from './sessions.ts';

/** What a {@link SessionKeeper} works with. */
export interface SessionKeeperOptions {
  /** Name of the upstream. */
  readonly name: string;
  /** Other gateways use the same sessions. */
  readonly shared: boolean;
  readonly limits: Limits;
  readonly events: EventSink;
  /** Carries the request that ends a session. */
  end(request: UpstreamRequest): Promise<void>;
}

/** A server that takes longer to end a session is left to its own limits. */
const END_TIMEOUT_MS = 10_000;

const MAX_SWEEP_MS = 15_000;

const NOBODY = { onceClosed: (): void => undefined };

/**
 * The sessions of one upstream. What is over here is ended at the server as well, so that nothing of
 * it is left there; but not at the end of this process, since the next one goes on with them.
 */
export class SessionKeeper {
  readonly table: SessionTable;
  readonly #options: SessionKeeperOptions;
  readonly #closing = new AbortController();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SessionKeeperOptions) {
    this.#options = options;
    this.table = new SessionTable(options.limits, (session) => this.#drop(session));
  }

  /** @throws UpstreamProtocolError for an id that no header may carry or that is somebody else's. */
  bind(id: string, principal: string, revision: Revision): void {
    this.table.bind(id, principal, revision);
    this.#watch();
  }

  /** Whether this principal may use the session; counts as a use of it. */
  mayUse(id: string, principal: string, revision: Revision): boolean {
    const may = this.table.mayUse(id, principal, revision);
    this.#watch();
    return may;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#closing.abort();
    this.table.clear();
  }

  #watch(): void {
    if (this.#closing.signal.aborted) return;
    const sweepMs = Math.min(this.#options.limits.upstreamSessionIdleMs / 4, MAX_SWEEP_MS);
    this.#timer ??= setInterval(() => this.#sweep(), sweepMs).unref();
  }

  #sweep(): void {
    for (const session of this.table.expired()) this.#drop(session);
    if (this.table.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #drop(session: UpstreamSession): void {
    if (this.#options.shared) {
      this.table.forget(session.id);
      return;
    }
    this.table.end(session.id);
    this.#options.end(this.#requestFor(session)).catch((thrown: unknown) => {
      const { name, events } = this.#options;
      events({
        severity: 'debug',
        name: 'upstream.session_left',
        message: `an unused session could not be ended at "${name}": ${messageOf(thrown)}`,
        fields: { server: name },
      });
    });
  }

  #requestFor({ id, principal, revision }: UpstreamSession): UpstreamRequest {
    return {
      httpMethod: 'DELETE',
      frame: null,
      revision,
      sessionId: id,
      lastEventId: null,
      mcpHeaders: {},
      principal,
      subjectToken: null,
      clientLink: null,
      connection: NOBODY,
      signal: AbortSignal.any([this.#closing.signal, AbortSignal.timeout(END_TIMEOUT_MS)]),
      onLink: () => undefined,
      onRevision: () => undefined,
    };
  }
}
