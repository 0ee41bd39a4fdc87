import type { Frame } from '#mcp';
import type { StreamEvent, UpstreamReply } from '#transport';
import { CallCancelled, formatEvent } from '#transport';

/** How messages that the bridge gives out one by one become a reply. */
export interface Outlet {
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal;
  /** HTTP status when the answer is all there is to say. */
  readonly statusOf: (answer: Frame) => number;
  /** Called once when the client goes before the end. */
  readonly onGone: () => void;
}

/**
 * The reply that these messages make: JSON when the answer comes first, else a stream of events. They
 * are asked for as the client takes them.
 *
 * @throws CallCancelled when the client goes before the first, and whatever the messages end with.
 */
export async function replyOf(
  frames: AsyncGenerator<Frame, void>,
  outlet: Outlet,
): Promise<UpstreamReply> {
  const reader = new Reader(frames, outlet);
  const first = await reader.next();
  if (first.done !== true && first.value.kind === 'response') {
    reader.finish();
    const status = outlet.statusOf(first.value);
    return { kind: 'json', status, frame: first.value, sessionId: null };
  }
  return { kind: 'events', status: 200, events: eventsOf(first, reader), sessionId: null };
}

/** A message as an event. */
export function eventOf(message: Buffer): StreamEvent {
  return { wire: formatEvent(message), message, id: null };
}

/**
 * Waits for work for as long as the client does.
 *
 * @throws CallCancelled when it has gone.
 */
export function unlessGone<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(new CallCancelled('the client went away'));
    if (signal.aborted) {
      onAbort();
      work.catch(() => undefined);
      return;
    }
    signal.addEventListener('abort', onAbort, { once: true });
    work
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', onAbort))
      .catch(() => undefined);
  });
}

type Step = IteratorResult<Frame, void>;

/** Reads messages for a client, and tells when it has gone before the last. */
class Reader {
  readonly #frames: AsyncGenerator<Frame, void>;
  readonly #outlet: Outlet;
  #over = false;

  constructor(frames: AsyncGenerator<Frame, void>, outlet: Outlet) {
    this.#frames = frames;
    this.#outlet = outlet;
  }

  async next(): Promise<Step> {
    const { signal } = this.#outlet;
    try {
      const step = await unlessGone(this.#frames.next(), signal);
      if (step.done === true) this.#over = true;
      return step;
    } catch (thrown) {
      if (signal.aborted) this.leave();
      this.#over = true;
      throw thrown;
    }
  }

  /** The answer has been taken: lets what made it come to its end. */
  finish(): void {
    this.#over = true;
    void this.#frames.return().catch(() => undefined);
  }

  leave(): void {
    if (this.#over) return;
    this.#over = true;
    this.#outlet.onGone();
  }
}

function eventsOf(first: Step, reader: Reader): AsyncIterable<StreamEvent> {
  let waiting: Step | null = first;
  const next = async (): Promise<IteratorResult<StreamEvent>> => {
    const step = waiting ?? (await reader.next());
    waiting = null;
    if (step.done === true) return { done: true, value: undefined };
    return { done: false, value: eventOf(step.value.bytes) };
  };
  const leave = (): Promise<IteratorResult<StreamEvent>> => {
    reader.leave();
    return Promise.resolve({ done: true, value: undefined });
  };
  return { [Symbol.asyncIterator]: () => ({ next, return: leave }) };
}
