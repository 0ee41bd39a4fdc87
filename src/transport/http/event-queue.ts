import type { StreamEvent } from '../upstream.ts';

/** What an object costs beside its bytes, so that a flood of tiny events counts for what it is. */
const EVENT_OVERHEAD = 256;

/** Delivered events are let go of in batches: shifting a long array each time costs its length. */
const COMPACT_AFTER = 512;

interface Reader {
  readonly resolve: (result: IteratorResult<StreamEvent, undefined>) => void;
  readonly reject: (reason: Error) => void;
}

/** What the source of an {@link EventQueue} is told. */
interface EventSource {
  /** The reader has caught up. */
  onDrained(): void;
  /** The reader wants no more. */
  onReturn(): void;
}

/**
 * Events on their way from a connection to one reader. It bounds nothing itself: the source looks at
 * {@link buffered} and pauses.
 */
export class EventQueue implements AsyncIterableIterator<StreamEvent, undefined> {
  readonly #source: EventSource;
  readonly #drainedBytes: number;
  #events: StreamEvent[] = [];
  #next = 0;
  #buffered = 0;
  #readers: Reader[] = [];
  #ended = false;
  #failure: Error | null = null;

  /** @param drainedBytes the source hears of a drain when no more than this is left. */
  constructor(source: EventSource, drainedBytes: number) {
    this.#source = source;
    this.#drainedBytes = drainedBytes;
  }

  /** Bytes that wait for the reader. */
  get buffered(): number {
    return this.#buffered;
  }

  push(event: StreamEvent): void {
    if (this.#ended) return;
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      reader.resolve({ done: false, value: event });
      return;
    }
    this.#events.push(event);
    this.#buffered += event.wire.length + EVENT_OVERHEAD;
  }

  /** No more events; the reader still gets those that wait, then the failure if there is one. */
  end(failure: Error | null = null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = failure;
    for (const reader of this.#readers.splice(0)) this.#finish(reader);
  }

  next(): Promise<IteratorResult<StreamEvent, undefined>> {
    const event = this.#take();
    if (event !== undefined) return Promise.resolve({ done: false, value: event });
    return new Promise((resolve, reject) => {
      if (this.#ended) this.#finish({ resolve, reject });
      else this.#readers.push({ resolve, reject });
    });
  }

  return(): Promise<IteratorResult<StreamEvent, undefined>> {
    this.#events = [];
    this.#next = 0;
    this.#buffered = 0;
    this.#failure = null;
    this.end();
    this.#source.onReturn();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #take(): StreamEvent | undefined {
    const event = this.#events[this.#next];
    if (event === undefined) return undefined;
    this.#next += 1;
    if (this.#next === this.#events.length || this.#next === COMPACT_AFTER) {
      this.#events.splice(0, this.#next);
      this.#next = 0;
    }
    this.#buffered -= event.wire.length + EVENT_OVERHEAD;
    if (this.#buffered <= this.#drainedBytes) this.#source.onDrained();
    return event;
  }

  #finish(reader: Reader): void {
    const failure = this.#failure;
    this.#failure = null;
    if (failure === null) reader.resolve({ done: true, value: undefined });
    else reader.reject(failure);
  }
}
