import { CallCancelled } from '../errors.ts';
import type { Call } from './call.ts';
import type { Channel, ServerContext } from './channel.ts';
import type { EventStream, EventStreams } from './event-stream.ts';

/** What a {@link Mailbox} works with. */
export interface MailboxContext {
  readonly server: ServerContext;
  readonly streams: EventStreams;
  readonly channel: Channel;
}

/**
 * Delivers what a server says on its own account, each message on one stream alone: the session's GET
 * stream, else the stream of the newest call, else it waits for the next of either.
 */
export class Mailbox {
  readonly #context: MailboxContext;
  #stream: EventStream | null = null;
  #queue: Buffer[] = [];
  #bytes = 0;
  #overflowTold = false;

  constructor(context: MailboxContext) {
    this.#context = context;
  }

  /** Whether a GET stream is open. */
  get open(): boolean {
    return this.#stream !== null;
  }

  /**
   * Opens the GET stream. An older one ends: its client has mostly lost it without our knowing.
   *
   * @param onLost called when the reader lets go of this stream
   */
  listen(signal: AbortSignal, onLost: () => void): EventStream {
    const stream = this.#context.streams.open(this.#context.channel, () => {
      signal.removeEventListener('abort', onAbort);
      if (this.#stream !== stream) return;
      this.#stream = null;
      onLost();
    });
    const onAbort = (): void => stream.cut(new CallCancelled('the client went away'));
    signal.addEventListener('abort', onAbort, { once: true });
    this.#stream?.end();
    this.#stream = stream;
    this.#flush((message) => stream.push(message));
    return stream;
  }

  /** Delivers a message; `calls` are the pending ones, the oldest first. */
  post(message: Buffer, calls: () => readonly Call[]): void {
    if (this.#stream !== null) {
      this.#stream.push(message);
      return;
    }
    const newest = calls().findLast((call) => call.wanted);
    if (newest === undefined) this.#keep(message);
    else newest.send(message);
  }

  /** Hands what waits to a call that has just begun. */
  flushTo(call: Call): void {
    this.#flush((message) => call.send(message));
  }

  /** Ends the GET stream. */
  close(): void {
    const stream = this.#stream;
    this.#stream = null;
    this.#queue = [];
    stream?.end();
  }

  #flush(send: (message: Buffer) => void): void {
    const queue = this.#queue;
    this.#queue = [];
    this.#bytes = 0;
    this.#overflowTold = false;
    for (const message of queue) send(message);
  }

  #keep(message: Buffer): void {
    const { maxQueuedMessages, sseBufferBytes } = this.#context.server.limits;
    // Copied: a small message must not hold the whole chunk that it was read from.
    this.#queue.push(Buffer.from(message));
    this.#bytes += message.length;
    while (this.#queue.length > maxQueuedMessages || this.#bytes > sseBufferBytes) {
      this.#bytes -= this.#queue.shift()?.length ?? 0;
      this.#context.channel.dropped('the oldest message that waited for a stream');
      this.#tellOverflow();
    }
  }

  #tellOverflow(): void {
    if (this.#overflowTold) return;
    this.#overflowTold = true;
    const { name, events } = this.#context.server;
    events({
      severity: 'warn',
      name: 'upstream.messages_dropped',
      message: `messages of "${name}" are dropped: no stream of the client takes them`,
      fields: { server: name },
    });
  }
}
