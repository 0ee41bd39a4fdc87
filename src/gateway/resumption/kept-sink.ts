import type { Lifeline, ReplyHead, ReplySink } from '#pipeline';
import { formatEvent } from '#transport';
import type { KeptStream, Writer } from './kept-stream.ts';

/** What a {@link KeptSink} works with. */
export interface KeptSinkOptions {
  /** `null` for the session's own stream, which ends with its connection. */
  readonly lifeline: Lifeline | null;
  /** Milliseconds of silence after which the client gets an event id; `null` for never. */
  readonly primeAfterMs: number | null;
  /** Where events are kept already, `null` when nothing is yet. */
  readonly stream: KeptStream | null;
  /** Makes the place where events are kept. */
  open(writer: Writer): KeptStream;
  /** Whether an event's id is the gateway's own. */
  isOwn(id: string): boolean;
}

const NO_SESSION: ReplyHead = { sessionId: null };

/**
 * The way back of a call in a session: has events that go out kept, under ids of the gateway's own
 * where the server gives none, and lets the call go on when the client's connection is lost.
 */
export class KeptSink implements ReplySink, Writer {
  readonly #inner: ReplySink;
  readonly #options: KeptSinkOptions;
  readonly #timer: NodeJS.Timeout | undefined;
  #stream: KeptStream | null;
  #started = false;
  /** The client's event stream has begun, which may be before the server says anything. */
  #opened = false;
  /** The server keeps the events itself. */
  #theirs = false;
  /** The call goes on without this connection. */
  #alone = false;
  #over = false;

  constructor(inner: ReplySink, options: KeptSinkOptions) {
    this.#inner = inner;
    this.#options = options;
    this.#stream = options.stream;
    options.stream?.takeOver(this);
    options.lifeline?.onLost(() => this.#goesOn());
    if (options.primeAfterMs === null) return;
    this.#timer = setTimeout(() => this.#prime(), options.primeAfterMs).unref();
  }

  get started(): boolean {
    return this.#started;
  }

  json(status: number, head: ReplyHead, body: Buffer): void {
    this.#started = true;
    if (this.#opened || this.#alone) void this.#endWith(body);
    else this.#end(() => this.#inner.json(status, head, body));
  }

  empty(status: number, head: ReplyHead): void {
    this.#started = true;
    if (this.#opened || this.#alone) this.endEvents();
    else this.#end(() => this.#inner.empty(status, head));
  }

  openEvents(head: ReplyHead): void {
    this.#started = true;
    this.#openInner(head);
  }

  async event(wire: Buffer, id?: string | null): Promise<void> {
    clearTimeout(this.#timer);
    const sent = this.#kept(wire, id);
    if (this.#alone) {
      await this.#stream?.taken();
      return;
    }
    try {
      await this.#inner.event(sent);
    } catch (thrown) {
      if (!this.#canGoOn) throw thrown;
    }
  }

  endEvents(): void {
    this.#end(() => {
      if (!this.#alone) this.#inner.endEvents();
    });
  }

  abort(): void {
    this.#end(() => this.#inner.abort());
  }

  superseded(): void {
    if (this.#over) return;
    clearTimeout(this.#timer);
    this.#alone = this.#canGoOn;
    this.#inner.abort();
  }

  endIfAlone(): void {
    if (this.#alone) this.#options.lifeline?.end();
  }

  get #canGoOn(): boolean {
    if (this.#options.lifeline === null || this.#theirs || this.#over) return false;
    return this.#stream !== null && !this.#stream.isOver && this.#stream.isPermitted;
  }

  #goesOn(): boolean {
    if (!this.#canGoOn) return false;
    this.#alone = true;
    this.#stream?.left(this);
    return true;
  }

  /** The bytes to send of an event, after they were kept where that is called for. */
  #kept(wire: Buffer, id: string | null | undefined): Buffer {
    if (id === undefined || (id !== null && this.#options.isOwn(id))) return wire;
    this.#theirs ||= id !== null;
    // A client that has no id of ours comes back with the server's, and the server has the rest.
    if (this.#theirs && this.#stream === null) return wire;
    this.#stream ??= this.#options.open(this);
    return this.#stream.append(wire, id !== null);
  }

  /** Gives a client that has heard nothing so far something to come back with. */
  #prime(): void {
    if (this.#over || this.#alone) return;
    this.#openInner(NO_SESSION);
    this.#stream ??= this.#options.open(this);
    // Should the connection be lost, its end tells.
    this.#inner.event(this.#stream.prime()).catch(() => undefined);
  }

  #openInner(head: ReplyHead): void {
    if (this.#opened || this.#alone) return;
    this.#opened = true;
    this.#inner.openEvents(head);
  }

  /** Ends with an answer that came too late for a body of its own. */
  async #endWith(body: Buffer): Promise<void> {
    try {
      await this.event(formatEvent(body), null);
      this.endEvents();
    } catch {
      this.abort();
    }
  }

  #end(finish: () => void): void {
    this.#over = true;
    clearTimeout(this.#timer);
    if (this.#options.lifeline === null) this.#stream?.left(this);
    else this.#stream?.finish();
    finish();
  }
}
