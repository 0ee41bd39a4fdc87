import type { Limits } from '#lib';
import type { SseEvent } from '../sse-event.ts';
import { SseParser } from '../sse.ts';
import type { StreamEvent } from '../upstream.ts';
import { EventQueue } from './event-queue.ts';
import type { HttpConnection } from './wire/http-connection.ts';

type Pausable = Pick<HttpConnection, 'pause' | 'paused' | 'resume'>;

interface EventStreamHooks {
  /** Which events the reader gets, and how. */
  readonly passEvent: (event: SseEvent) => StreamEvent | null;
  /** Called when the reader ends the iteration. */
  readonly onReturn: () => void;
}

/** The body of a `text/event-stream` response, as events; a slow reader pauses the connection. */
export class EventStream {
  /** `null` once the stream has ended: then it carries something else. */
  #connection: Pausable | null;
  readonly #parser: SseParser;
  readonly #maxBuffered: number;
  readonly #queue: EventQueue;
  readonly #passEvent: EventStreamHooks['passEvent'];
  readonly #parsed: SseEvent[] = [];

  constructor(
    connection: Pausable,
    limits: Pick<Limits, 'maxMessageBytes' | 'sseBufferBytes'>,
    { passEvent, onReturn }: EventStreamHooks,
  ) {
    this.#connection = connection;
    this.#passEvent = passEvent;
    this.#parser = new SseParser(limits.maxMessageBytes);
    this.#maxBuffered = limits.sseBufferBytes;
    this.#queue = new EventQueue(
      { onDrained: () => this.#resume(), onReturn },
      this.#maxBuffered / 2,
    );
  }

  get events(): AsyncIterable<StreamEvent> {
    return this.#queue;
  }

  /** @throws UpstreamMessageTooLarge */
  push(chunk: Buffer): void {
    try {
      this.#parser.push(chunk, this.#parsed);
    } finally {
      this.#deliver();
    }
    if (this.#queue.buffered > this.#maxBuffered) this.#connection?.pause();
  }

  end(): void {
    this.#connection = null;
    this.#parser.end(this.#parsed);
    this.#deliver();
    this.#queue.end();
  }

  fail(reason: Error): void {
    this.#connection = null;
    this.#queue.end(reason);
  }

  #deliver(): void {
    for (const event of this.#parsed.splice(0)) {
      const passable = this.#passEvent(event);
      if (passable !== null) this.#queue.push(passable);
    }
  }

  #resume(): void {
    if (this.#connection?.paused === true) this.#connection.resume();
  }
}
