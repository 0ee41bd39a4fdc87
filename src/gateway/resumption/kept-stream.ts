import type { StreamEvent } from '#transport';
import { readEvent } from '#transport';
import { EventsGone } from '../errors.ts';
import type { Budget, Keeper } from './budget.ts';

/** What a {@link KeptStream} works with. */
export interface KeptStreamOptions {
  /** Event ids of the stream begin with it; their number follows. */
  readonly prefix: string;
  /** JSON-RPC id of the request that it answers, as a map key; `null` for the session's own stream. */
  readonly requestKey: string | null;
  /** Whether the events may go to a client that comes back. */
  readonly permitted: () => boolean;
  readonly maxEvents: number;
  /** Every budget that its events count in. */
  readonly budgets: readonly Budget[];
}

/** Who fills a stream. */
export interface Writer {
  /** Another connection carries the stream from now on. */
  superseded(): void;
  /** Ends what fills the stream if no client is connected to it. */
  endIfAlone(): void;
}

/** What one kept event costs besides its bytes. */
const EVENT_OVERHEAD = 256;

/** How long a client whose connection was lost should wait before it comes back. */
const RETRY_MS = 500;

const LF = 0x0a;
const CR = 0x0d;

/** The last events of one stream, with ids of the gateway's own, for one reader at a time. */
export class KeptStream implements Keeper {
  readonly requestKey: string | null;
  readonly #options: KeptStreamOptions;
  readonly #events: Buffer[] = [];
  /** Number of the first event that is kept. */
  #first = 0;
  #change = Promise.withResolvers<void>();
  #reader: { next: number } | null = null;
  #writer: Writer | null;
  /** The writer's own connection is there. */
  #carried = true;
  /** Number of the first event that went out to nobody, while no client is there. */
  #missed = 0;
  #ended = false;
  #aloneSince = Infinity;

  constructor(options: KeptStreamOptions, writer: Writer) {
    this.requestKey = options.requestKey;
    this.#options = options;
    this.#writer = writer;
  }

  /** Whether the events may go to a client that comes back. */
  get isPermitted(): boolean {
    return this.#options.permitted();
  }

  /** Whether nothing more is kept. */
  get isOver(): boolean {
    return this.#ended;
  }

  /** Since when no client is there, on the clock of performance.now(); `Infinity` while one is. */
  get aloneSince(): number {
    return this.#aloneSince;
  }

  /** Whether nothing can come of it any more. */
  get isSpent(): boolean {
    return this.#ended && this.#events.length === 0;
  }

  /** Keeps an event of no data, by whose id all the rest can be asked for; its bytes. */
  prime(): Buffer {
    const wire = `id: ${this.#nextId}\nretry: ${RETRY_MS}\ndata: \n\n`;
    return this.#keep(Buffer.from(wire));
  }

  /** Keeps an event; the bytes that go out have an id, the server's or else the stream's own. */
  append(wire: Buffer, hasId: boolean): Buffer {
    return this.#keep(hasId ? Buffer.from(wire) : withId(wire, this.#nextId));
  }

  /** Resolves when the reader has taken everything, or there is none. */
  async taken(): Promise<void> {
    while (this.#reader !== null && this.#reader.next < this.#end) await this.#change.promise;
  }

  dropOldest(): void {
    const event = this.#events.shift();
    if (event !== undefined) this.#first += 1;
    const bytes = event === undefined ? 0 : event.length + EVENT_OVERHEAD;
    this.#release(bytes);
    // No client can come back for the rest any more, and a flood would go on unseen.
    if (this.#aloneSince < Infinity && this.#first > this.#missed && !this.#ended) this.discard();
  }

  /** Whether everything after the event with this number is here or yet to come, and may be read. */
  holdsAfter(number: number): boolean {
    return number >= this.#first - 1 && number < this.#end && this.isPermitted;
  }

  /** Takes the stream away from the connection that carries it, to go on over another. */
  takeOver(writer: Writer | null): void {
    this.#writer?.superseded();
    this.#writer = writer ?? this.#writer;
    this.#carried = writer !== null;
    this.#missed = this.#first;
    this.#count();
  }

  /**
   * What came after the event with this number and, of a call, what comes yet. Of a call that has ended
   * and has nothing more to give, it waits for the reader to leave: official clients that have no result,
   * since it was an error or they cancelled, would come back at once, again and again. A later reader
   * ends this one.
   *
   * @throws EventsGone when events are dropped faster than they are taken.
   */
  async *read(number: number, signal: AbortSignal): AsyncGenerator<StreamEvent, void> {
    const reader = { next: number + 1 };
    let gave = false;
    this.#reader = reader;
    this.#count();
    const wake = (): void => this.#changed();
    wake();
    signal.addEventListener('abort', wake);
    try {
      while (this.#reader === reader && !signal.aborted) {
        if (reader.next < this.#first) throw new EventsGone('events were dropped unread');
        if (!this.isPermitted) return;
        const event = this.#events[reader.next - this.#first];
        if (event !== undefined) {
          reader.next += 1;
          gave = true;
          yield readEvent(event, false);
          wake();
        } else if (this.requestKey === null || this.isSpent || (this.#ended && gave)) {
          return;
        } else {
          await this.#change.promise;
        }
      }
    } finally {
      signal.removeEventListener('abort', wake);
      if (this.#reader === reader) {
        this.#reader = null;
        this.#missed = reader.next;
      }
      this.#count();
      wake();
    }
  }

  /** The connection that carried the stream is lost. */
  left(writer: Writer): void {
    if (writer !== this.#writer) return;
    if (this.#carried) this.#missed = this.#end;
    this.#carried = false;
    this.#count();
    // Policy may have changed while the client was there.
    if (this.requestKey !== null && !this.isPermitted) this.discard();
  }

  /** Nothing more comes. */
  finish(): void {
    this.#ended = true;
    this.#writer = null;
    this.#carried = false;
    this.#count();
    this.#changed();
  }

  /** Ends what fills the stream, if no client is connected to it. */
  endIfAlone(): void {
    if (this.#reader === null) this.#writer?.endIfAlone();
  }

  /** Lets go of everything. */
  discard(): void {
    this.endIfAlone();
    this.#ended = true;
    while (this.#events.length > 0) this.dropOldest();
    this.#changed();
  }

  get #end(): number {
    return this.#first + this.#events.length;
  }

  get #nextId(): string {
    return `${this.#options.prefix}${this.#end.toString(36)}`;
  }

  #keep(wire: Buffer): Buffer {
    // What was let go of is not asked for again.
    if (this.#ended) return wire;
    this.#events.push(wire);
    const { maxEvents, budgets } = this.#options;
    for (const budget of budgets) budget.charge(this, wire.length + EVENT_OVERHEAD);
    if (this.#events.length > maxEvents) this.dropOldest();
    // One that is larger than a bound has left some budgets before it came into others.
    if (this.#events.length === 0) this.#release(0);
    this.#changed();
    return wire;
  }

  #release(bytes: number): void {
    const last = this.#events.length === 0;
    for (const budget of this.#options.budgets) budget.release(this, bytes, last);
  }

  /** Notes since when no client is there. */
  #count(): void {
    const alone = this.#reader === null && !this.#carried;
    if (!alone) this.#aloneSince = Infinity;
    else if (this.#aloneSince === Infinity) this.#aloneSince = performance.now();
  }

  #changed(): void {
    const { resolve } = this.#change;
    this.#change = Promise.withResolvers<void>();
    resolve();
  }
}

/** The event with an id; it has none yet. */
function withId(wire: Buffer, id: string): Buffer {
  let start = 0;
  // A blank line before the event would end the id's own.
  while (wire[start] === LF || wire[start] === CR) start += 1;
  return Buffer.concat([Buffer.from(`id: ${id}\n`), wire.subarray(start)]);
}
