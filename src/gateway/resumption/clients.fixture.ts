/** Clients of a session whose connections fail, for tests of what is kept for them. */
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import type { Limits } from '#lib';
import { DEFAULT_LIMITS } from '#lib';
import { jsonLimitsOf, readFrame } from '#mcp';
import type { Call, Entered, ReplySink, Session } from '#pipeline';
import { formatEvent } from '#transport';
import { EventStore } from './event-store.ts';

/** A client's connection that keeps what it was sent. */
export class Connection implements ReplySink {
  readonly sent: string[] = [];
  started = false;
  state: 'open' | 'ended' | 'lost' = 'open';
  #goesOn = (): boolean => false;
  readonly #abort = new AbortController();
  readonly signal = this.#abort.signal;
  readonly lifeline = {
    onLost: (goesOn: () => boolean): void => {
      this.#goesOn = goesOn;
    },
    end: (): void => this.#abort.abort(),
  };

  json(status: number, _head: object, body: Buffer): void {
    this.sent.push(`${status} ${String(body)}`);
    this.state = 'ended';
  }
  empty(status: number): void {
    this.sent.push(String(status));
    this.state = 'ended';
  }
  openEvents(): void {
    this.started = true;
  }
  event(wire: Buffer): Promise<void> {
    if (this.state === 'lost') return Promise.reject(new Error('gone'));
    this.sent.push(String(wire));
    return Promise.resolve();
  }
  endEvents(): void {
    this.state = 'ended';
  }
  abort(): void {
    this.lose();
  }
  /** The network fails. */
  lose(): void {
    if (this.state !== 'open') return;
    this.state = 'lost';
    if (!this.#goesOn()) this.#abort.abort();
  }
  /** Ids of the events that it was sent. */
  get ids(): string[] {
    return this.sent.flatMap((event) => /^id: (.*)$/m.exec(event)?.[1] ?? []);
  }
  get data(): string[] {
    return this.sent.flatMap((event) => /^data: (.+)$/m.exec(event)?.[1] ?? []);
  }
}

export const session = (token = 'token-1', owner = 'alice'): Session => ({
  token,
  owner,
  upstreamId: 's1',
  instance: 'here/1',
  server: 'files',
});

export function storeWith(limits: Partial<Limits> = {}): EventStore {
  return new EventStore({ ...DEFAULT_LIMITS, ...limits });
}

interface Asked {
  readonly id?: number;
  readonly message?: object;
  readonly lastEventId?: string;
  readonly revision?: string;
  readonly permitted?: () => boolean;
}

const always = (): boolean => true;

export function enter(
  store: EventStore,
  connection: Connection,
  of: Session,
  { id = 1, message, lastEventId, revision = '2025-11-25', permitted = always }: Asked = {},
): Entered {
  const bytes = JSON.stringify({ jsonrpc: '2.0', ...(message ?? { id, method: 'tools/call' }) });
  const limits = jsonLimitsOf(DEFAULT_LIMITS, DEFAULT_LIMITS.maxRequestBytes);
  const frame = readFrame(Buffer.from(bytes), limits);
  const head = { revision: { name: revision, era: 'stateful' }, signal: connection.signal };
  const call =
    lastEventId === undefined
      ? { ...head, httpMethod: 'POST', frame, lastEventId: null, lifeline: connection.lifeline }
      : { ...head, httpMethod: 'GET', frame: null, lastEventId };
  return store.enter(of, call as unknown as Call, connection, permitted);
}

/** Comes back for the rest of a stream. */
export async function resume(
  store: EventStore,
  of: Session,
  lastEventId: string,
): Promise<{ connection: Connection; over: Promise<void> }> {
  const connection = new Connection();
  const { resumed, sink } = enter(store, connection, of, { lastEventId });
  assert.ok(resumed !== null);
  const over = (async () => {
    for await (const event of resumed.events) await sink.event(event.wire, event.id);
    sink.endEvents();
  })();
  await turn();
  return { connection, over };
}

export const message = (text: string): Buffer => formatEvent(Buffer.from(JSON.stringify(text)));
