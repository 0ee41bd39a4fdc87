import type { Limits } from '#lib';
import { sha256Label } from '#lib';
import type { Frame, NotificationFrame } from '#mcp';
import type { Upstream } from '#transport';
import { UpstreamOverloaded } from '#transport';
import { canBeAsked } from '../capabilities.ts';
import type { Introduction } from '../meta.ts';
import { unlessGone } from '../reply.ts';
import { patiently } from './patience.ts';
import type { ServerCall } from './server-call.ts';
import type { Initialized } from './server-session.ts';
import { ServerSession } from './server-session.ts';
import { Waiting } from './waiting.ts';

/** How often idle sessions are looked for. */
const TICK_MS = 1000;

/** So long the next call waits for a session to be done with a call that was given up; then it takes another. */
const SETTLING_PATIENCE_MS = 1000;

/** A place in a session, for one call. */
export interface Seat {
  readonly session: ServerSession;
  readonly server: Initialized;
  /** Takes a message on the stream of this call that does not name it. */
  route(frame: Frame, call: ServerCall): Promise<void> | void;
  /** Lets what the server asks or logs without naming a call go to this one. */
  occupy(call: ServerCall): void;
  leave(): void;
  /**
   * Leaves a call that was not answered. What the server still asks for it is refused; the next call that
   * it may ask for gets the session when nothing of that can be on its way any more.
   *
   * @param told resolves when the server has been told.
   */
  abandon(told: Promise<void>): void;
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
  readonly #waiting = new Waiting();
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
      if (entry === null) await this.#room(principal, signal);
      else if (reserved && entry.settling !== null) await unlessGone(entry.settling, signal);
      else return this.#take(entry, reserved, signal);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    await Promise.all([...this.#entries].map(({ session }) => session.end()));
    this.#entries.clear();
    this.#waiting.wake();
  }

  /** The oldest session that has a place: calls one after the other meet the same, the rest end idle. */
  #free(key: string, reserved: boolean): Entry | null {
    for (const entry of this.#entries) {
      const isTaken = reserved && entry.reserved && entry.settling === null;
      if (entry.key === key && !isTaken && !entry.session.ended) return entry;
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
      onMessage: (frame) => this.#route(entry, frame, entry.asker),
    });
    const entry: Entry = {
      key,
      session,
      ready: session.open(client),
      users: 0,
      reserved: false,
      settling: null,
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
    const go = once((told: Promise<void> | null) => this.#leave(entry, reserved, told));
    const leave = (): void => go(null);
    try {
      const server = await unlessGone(entry.ready, signal);
      // Programs put all that they say on the streams of calls while there is no other.
      if (this.#context.upstream.kind === 'http') await entry.session.listen();
      return {
        session: entry.session,
        server,
        route: (frame, call) =>
          this.#route(entry, frame, this.#meant(entry, frame, call, reserved)),
        occupy: (call) => {
          if (reserved) entry.asker = call;
        },
        leave,
        abandon: go,
        discard: () => this.#drop(entry),
      };
    } catch (thrown) {
      leave();
      throw thrown;
    }
  }

  #leave(entry: Entry, reserved: boolean, told: Promise<void> | null): void {
    entry.users -= 1;
    entry.usedAt = performance.now();
    if (reserved) {
      entry.asker = null;
      if (told === null) entry.reserved = false;
      else this.#settle(entry, told);
    }
    if (entry.session.ended) this.#entries.delete(entry);
    this.#waiting.wake();
  }

  /** Leaves the session to no call that the server may ask for until it has seen the end of this one. */
  #settle(entry: Entry, told: Promise<void>): void {
    const settled = this.#settled(entry, told);
    entry.settling = patiently(settled, SETTLING_PATIENCE_MS, undefined).finally(
      () => (entry.settling = null),
    );
  }

  async #settled(entry: Entry, told: Promise<void>): Promise<void> {
    try {
      await told;
      await entry.session.ping();
    } catch {
      // A server that does not answer may still be at work on the call.
      return;
    }
    entry.reserved = false;
    this.#waiting.wake();
  }

  /** Hands a message to the call that it is about, if that is known; questions of no call are refused. */
  #route({ session }: Entry, frame: Frame, call: ServerCall | null): Promise<void> | void {
    if (frame.kind === 'notification' && isChange(frame)) {
      this.#context.onChange(session.principal, frame);
      return;
    }
    if (frame.kind === 'response') return;
    const isHeard = call !== null && !isPing(frame) && call.hear(frame);
    if (!isHeard && frame.kind === 'request') return session.answerAlone(frame);
  }

  /** The call that a message on the stream of a call is about. */
  #meant({ asker }: Entry, frame: Frame, call: ServerCall, mayAsk: boolean): ServerCall | null {
    // Programs have one stream for all calls; over HTTP each has its own (2025-11-25, Transports,
    // "Sending Messages to the Server").
    if (this.#context.upstream.kind !== 'http') return asker;
    return frame.kind !== 'request' || mayAsk ? call : null;
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
    this.#waiting.wake();
  }

  async #room(principal: string, signal: AbortSignal): Promise<void> {
    const { limits } = this.#context;
    if (this.#waiting.of(principal) >= limits.maxInFlightPerSession) throw tooMany(limits);
    await this.#waiting.turn(principal, signal);
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
  /** A call has it that the server may ask or log for, or had it and may still be on the server's mind. */
  reserved: boolean;
  /** Resolves when the session is likely to be free of a call that was given up; `null` otherwise. */
  settling: Promise<void> | null;
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

function once<T>(run: (argument: T) => void): (argument: T) => void {
  let done = false;
  return (argument) => {
    if (done) return;
    done = true;
    run(argument);
  };
}

function tooMany({ maxBridgedSessionsPerPrincipal: max }: Limits): Error {
  return new UpstreamOverloaded(`${max} sessions with the server are open and all in use`, {
    details: { limit: 'max_bridged_sessions_per_principal', max },
  });
}
