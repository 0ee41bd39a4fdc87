import type { Limits, PosternError } from '#lib';
import { ReaderTooSlow } from '../errors.ts';
import { formatEvent } from '../sse.ts';
import type { StreamEvent } from '../upstream.ts';

/** What a stream does to its source while its reader is behind. */
export interface Gate {
  hold(holder: object): void;
  release(holder: object): void;
}

/** Roughly what one waiting event costs besides its bytes. */
const EVENT_OVERHEAD = 256;

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** Every stream of an upstream that has not ended, to find readers that are stuck. */
export class EventStreams {
  readonly #limits: Limits;
  readonly #open = new Set<EventStream>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /**
   * Opens a stream.
   *
   * @param gate held while more than the buffer limit waits for the reader
   * @param onReleased called at most once, when the reader lets go of the stream or is cut off
   */
  open(gate: Gate, onReleased: () => void): EventStream {
    const stream = new EventStream(this.#limits.sseBufferBytes, gate, {
      onReleased,
      onDone: () => this.#open.delete(stream),
    });
    this.#open.add(stream);
    return stream;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Cuts off readers that have taken nothing for too long while events wait. */
  tick(now: number): void {
    const { slowReaderTimeoutMs } = this.#limits;
    for (const stream of this.#open) {
      if (stream.stuckSince + slowReaderTimeoutMs < now) {
        stream.cut(new ReaderTooSlow(`the reader took nothing for ${slowReaderTimeoutMs} ms`));
      }
    }
  }
}

interface StreamHandlers {
  onReleased(): void;
  onDone(): void;
}

/** Events for one reader, in order. Iterate it once. */
export class EventStream implements AsyncIterable<StreamEvent> {
  readonly #maxBytes: number;
  readonly #gate: Gate;
  readonly #handlers: StreamHandlers;
  readonly #queue: StreamEvent[] = [];
  #bytes = 0;
  #stuckSince = Infinity;
  #waiting: PromiseWithResolvers<IteratorResult<StreamEvent>> | null = null;
  #end: 'open' | 'ended' | PosternError = 'open';
  #released = false;

  constructor(maxBytes: number, gate: Gate, handlers: StreamHandlers) {
    this.#maxBytes = maxBytes;
    this.#gate = gate;
    this.#handlers = handlers;
  }

  /** When the reader last took something while events wait, `Infinity` when none wait. */
  get stuckSince(): number {
    return this.#stuckSince;
  }

  /** Adds one message; after the end it is dropped. */
  push(message: Buffer): void {
    if (this.#end !== 'open') return;
    const event = eventOf(message);
    if (this.#waiting !== null) {
      this.#waiting.resolve({ done: false, value: event });
      this.#waiting = null;
      return;
    }
    if (this.#queue.length === 0) this.#stuckSince = performance.now();
    this.#queue.push(event);
    this.#bytes += event.wire.length + EVENT_OVERHEAD;
    if (this.#bytes > this.#maxBytes) this.#gate.hold(this);
  }

  /** Ends the stream after what waits: cleanly, or with a failure that the iteration throws. */
  end(failure?: PosternError): void {
    if (this.#end !== 'open') return;
    this.#end = failure ?? 'ended';
    if (this.#waiting !== null) {
      if (failure === undefined) this.#waiting.resolve(DONE);
      else this.#waiting.reject(failure);
      this.#waiting = null;
      this.#end = 'ended';
    }
    if (this.#queue.length === 0) this.#handlers.onDone();
  }

  /** Ends the stream at once, without what waits. */
  cut(failure: PosternError): void {
    this.#release(failure);
  }

  [Symbol.asyncIterator](): AsyncIterator<StreamEvent> {
    return {
      next: () => this.#next(),
      return: () => {
        this.#release('ended');
        return Promise.resolve(DONE);
      },
    };
  }

  #next(): Promise<IteratorResult<StreamEvent>> {
    const event = this.#queue.shift();
    if (event !== undefined) {
      this.#taken(event);
      return Promise.resolve({ done: false, value: event });
    }
    const end = this.#end;
    if (end === 'open') {
      this.#waiting ??= Promise.withResolvers();
      return this.#waiting.promise;
    }
    this.#end = 'ended';
    return end === 'ended' ? Promise.resolve(DONE) : Promise.reject(end);
  }

  #taken(event: StreamEvent): void {
    this.#bytes -= event.wire.length + EVENT_OVERHEAD;
    const empty = this.#queue.length === 0;
    this.#stuckSince = empty ? Infinity : performance.now();
    // Half full, so that a slow reader does not switch the source on and off for each event.
    if (this.#bytes <= this.#maxBytes / 2) this.#gate.release(this);
    if (empty && this.#end !== 'open') this.#handlers.onDone();
  }

  /** Nothing more goes to the reader. */
  #release(end: 'ended' | PosternError): void {
    if (this.#released) return;
    this.#released = true;
    this.#end = end;
    this.#queue.length = 0;
    this.#bytes = 0;
    this.#stuckSince = Infinity;
    this.#waiting?.resolve(DONE);
    this.#waiting = null;
    this.#gate.release(this);
    this.#handlers.onDone();
    this.#handlers.onReleased();
  }
}

function eventOf(message: Buffer): StreamEvent {
  const wire = formatEvent(message);
  // A slice of the event's own bytes: the message must not hold the chunk that it was read from.
  return { wire, message: wire.subarray(-message.length - 2, -2), id: null };
}
