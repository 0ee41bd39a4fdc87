import type { Limits } from '#lib';
import { sha256Label } from '#lib';
import type { Frame, NotificationFrame } from '#mcp';
import type { Upstream } from '#transport';
import { UpstreamOverloaded } from '#transport';
import { canBeAsked } from '../capabilities.ts';
import type { Introduction } from '../meta.ts';
import { unlessGone } from '../reply.ts';
import type { ServerCall } from './server-call.ts';
import type { Initialized } from './server-session.ts';
import { ServerSession } from './server-session.ts';

/** How often idle sessions are looked for. */
const TICK_MS = 1000;

/** A place in a session, for one call. */
export interface Seat {
  readonly session: ServerSession;
  readonly server: Initialized;
  /** Takes a message of the server that names no call. */
  route(frame: Frame): Promise<void> | void;
  /** Lets what the server asks or logs without naming a call go to this one. */
  occupy(call: ServerCall): void;
  leave(): void;
  /** Ends the session, which is over for its server; calls in it fail by themselves. */
  discard(): void;
}

/** What a pool is told to do beside keeping sessions. */
export interface PoolContext {
  readonly upstream: Upstream;
  readonly limits: Limits;
  /** A change that the server tells of in any session of this principal. */
  readonly onChange: (principal: string, frame: NotificationFrame) => void;
  /** Gives up a call of this principal that waits for its client; false when there is none. */
  readonly giveUpHeld: (principal: string) => boolean;
}

/** The sessions that serve the calls of stateless clients, apart for each principal and introduction. */
export class Pool {
  readonly #context: PoolContext;
  readonly #entries = new Set<Entry>();
  /** Who waits for room, and for whom. */
  readonly #waiting = new Map<() => void, string>();
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(context: PoolContext) {
    this.#context = context;
  }

  /**
   * A seat in a session of this client.
   *
   * @param alone whether the server may ask or log during the call: then no other such call shares the
   *   session, since servers do not say which call they mean.
   * @throws UpstreamOverloaded, CallCancelled, and what opening a session meets.
   */
  async seat(
    principal: string,
    client: Introduction,
    alone: boolean,
    signal: AbortSignal,
  ): Promise<Seat> {
    const key = keyOf(principal, client);
    const reserved = alone && (canBeAsked(client.capabilities) || client.logLevel !== null);
    for (;;) {
      const entry = this.#free(key, reserved) ?? this.#opened(key, principal, client);
      if (entry !== null) return this.#take(entry, reserved, signal);
      await this.#room(principal, signal);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    await Promise.all([...this.#entries].map(({ session }) => session.end()));
    this.#entries.clear();
    this.#wake();
  }

  /** The oldest session that has a place: calls one after the other meet the same, the rest end idle. */
  #free(key: string, reserved: boolean): Entry | null {
    for (const entry of this.#entries) {
      const hasPlace = !(reserved && entry.reserved) && !entry.session.ended;
      if (entry.key === key && hasPlace) return entry;
    }
    return null;
  }

  /** A new session, `null` when there is no room for one. */
  #opened(key: string, principal: string, client: Introduction): Entry | null {
    if (this.#closed) throw tooMany(this.#context.limits);
    if (!this.#makeRoom(principal)) return null;
    const { upstream, limits } = this.#context;
    const session = new ServerSession({
      upstream,
      limits,
      principal,
      onMessage: (frame) => this.#route(entry, frame),
    });
    const entry: Entry = {
      key,
      session,
      ready: session.open(client),
      users: 0,
      reserved: false,
      asker: null,
      usedAt: performance.now(),
    };
    entry.ready.catch(() => this.#drop(entry));
    this.#entries.add(entry);
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref();
    return entry;
  }

  async #take(entry: Entry, reserved: boolean, signal: AbortSignal): Promise<Seat> {
    entry.users += 1;
    entry.usedAt = performance.now();
    if (reserved) entry.reserved = true;
    const leave = once(() => this.#leave(entry, reserved));
    try {
      const server = await unlessGone(entry.ready, signal);
      // Programs put all that they say on the streams of calls while there is no other.
      if (this.#context.upstream.kind === 'http') await entry.session.listen();
      return {
        session: entry.session,
        server,
        route: (frame) => this.#route(entry, frame),
        occupy: (call) => {
          if (reserved) entry.asker = call;
        },
        leave,
        discard: () => this.#drop(entry),
      };
    } catch (thrown) {
      leave();
      throw thrown;
    }
  }

  #leave(entry: Entry, reserved: boolean): void {
    entry.users -= 1;
    entry.usedAt = performance.now();
    if (reserved) {
      entry.reserved = false;
      entry.asker = null;
    }
    if (entry.session.ended) this.#entries.delete(entry);
    this.#wake();
  }

  #route({ asker, session }: Entry, frame: Frame): Promise<void> | void {
    if (frame.kind === 'notification' && isChange(frame)) {
      this.#context.onChange(session.principal, frame);
      return;
    }
    if (frame.kind === 'response') return;
    const isHeard = asker !== null && !isPing(frame) && asker.hear(frame);
    if (!isHeard && frame.kind === 'request') return session.answerAlone(frame);
  }

  #makeRoom(principal: string): boolean {
    const { maxBridgedSessionsPerPrincipal, maxBridgedSessionsPerServer } = this.#context.limits;
    const mine = [...this.#entries].filter(({ session }) => session.principal === principal);
    if (mine.length >= maxBridgedSessionsPerPrincipal && !this.#endIdle(mine)) {
      return this.#context.giveUpHeld(principal) && this.#endIdle(mine);
    }
    return this.#entries.size < maxBridgedSessionsPerServer || this.#endIdle([...this.#entries]);
  }

  #endIdle(entries: readonly Entry[]): boolean {
    const idle = entries.filter(({ users }) => users === 0);
    const [oldest] = idle.toSorted((a, b) => a.usedAt - b.usedAt);
    if (oldest !== undefined) this.#drop(oldest);
    return oldest !== undefined;
  }

  #drop(entry: Entry): void {
    this.#entries.delete(entry);
    void entry.session.end();
    this.#wake();
  }

  async #room(principal: string, signal: AbortSignal): Promise<void> {
    const { limits } = this.#context;
    const mine = [...this.#waiting.values()].filter((other) => other === principal);
    if (mine.length >= limits.maxInFlightPerSession) throw tooMany(limits);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.set(resolve, principal);
    try {
      await unlessGone(promise, signal);
    } finally {
      this.#waiting.delete(resolve);
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting.keys()) resolve();
  }

  #tick(): void {
    const { bridgedSessionIdleMs } = this.#context.limits;
    const now = performance.now();
    for (const entry of this.#entries) {
      if (entry.users === 0 && now - entry.usedAt > bridgedSessionIdleMs) this.#drop(entry);
    }
    if (this.#entries.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }
}

interface Entry {
  readonly key: string;
  readonly session: ServerSession;
  readonly ready: Promise<Initialized>;
  users: number;
  /** A call has it that the server may ask or log for. */
  reserved: boolean;
  asker: ServerCall | null;
  usedAt: number;
}

const CHANGES: ReadonlySet<string> = new Set([
  'notifications/tools/list_changed',
  'notifications/prompts/list_changed',
  'notifications/resources/list_changed',
  'notifications/resources/updated',
]);

function isChange({ method }: NotificationFrame): boolean {
  return CHANGES.has(method);
}

function isPing(frame: Frame): boolean {
  return frame.kind === 'request' && frame.method === 'ping';
}

/** Clients of one principal that introduce themselves alike share sessions. */
function keyOf(principal: string, { clientInfo, capabilities, logLevel }: Introduction): string {
  return sha256Label(JSON.stringify([principal, clientInfo, capabilities, logLevel]));
}

function once(run: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    run();
  };
}

function tooMany({ maxBridgedSessionsPerPrincipal: max }: Limits): Error {
  return new UpstreamOverloaded(`${max} sessions with the server are open and all in use`, {
    details: { limit: 'max_bridged_sessions_per_principal', max },
  });
}
