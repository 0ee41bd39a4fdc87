/**
 * Streams whose server lets its clients come back for the rest (2025-11-25, Transports, "Sending
 * Messages to the Server" and "Resumability and Redelivery").
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Limits } from '#lib';
import type { Frame } from '#mcp';
import type { EventsReply, UpstreamReply } from '#transport';
import { readMessage, SessionNotFound, UpstreamTimeout, UpstreamUnavailable } from '#transport';
import { unlessGone } from '../reply.ts';

/** A server that does not say when to come back is given so long. */
const RETRY_MS = 1000;

/** Whatever a server says, it is not asked more often than that. */
const MIN_RETRY_MS = 100;

/** A stream, and what it takes to come back to it. */
export interface Stream {
  readonly limits: Limits;
  /** Aborted when nobody wants the rest. */
  readonly signal: AbortSignal;
  /** Whether this message is the last that is waited for. */
  readonly isLast: (frame: Frame) => boolean;
  /** Asks for what comes after the event with this id. */
  readonly resume: (lastEventId: string, signal: AbortSignal) => Promise<UpstreamReply>;
}

/**
 * The messages of a stream, in order, for as long as its server goes on with it. What follows the last
 * message is read, too, so that the connection can be used again.
 *
 * @param onEvent called whenever the server shows that it is there.
 * @throws what the stream ends with.
 */
export async function* followed(
  first: EventsReply,
  stream: Stream,
  onEvent: () => void = () => undefined,
): AsyncGenerator<Frame, void> {
  const { limits, signal } = stream;
  const place = new Place(stream, onEvent);
  let reply: UpstreamReply = first;
  while (reply.kind === 'events') {
    yield* place.read(reply);
    if (place.isOver || place.lastEventId === null) return;
    await unlessGone(delay(waitOf(place, limits), undefined, { ref: false, signal }), signal);
    reply = await stream.resume(place.lastEventId, signal);
  }
  if (place.failure !== null) throw place.failure;
}

/**
 * The same of the reply to a request, whose answer is not waited for without end.
 *
 * @throws UpstreamTimeout when the rest takes too long, UpstreamUnavailable when the session was lost over
 *   it, and what the stream ends with.
 */
export async function* answered(first: EventsReply, stream: Stream): AsyncGenerator<Frame, void> {
  const { callMaxMs, upstreamIdleTimeoutMs } = stream.limits;
  const late = new AbortController();
  const timers: NodeJS.Timeout[] = [];
  const resume: Stream['resume'] = async (lastEventId, signal) => {
    if (timers.length === 0) {
      const bounds = [upstreamIdleTimeoutMs, callMaxMs];
      timers.push(...bounds.map((max) => setTimeout(() => late.abort(), max).unref()));
    }
    return stream.resume(lastEventId, AbortSignal.any([signal, late.signal]));
  };
  try {
    yield* followed(first, { ...stream, resume }, () => timers[0]?.refresh());
  } catch (thrown) {
    if (late.signal.aborted) {
      throw new UpstreamTimeout('the rest of a reply did not come in time', { cause: thrown });
    }
    if (timers.length === 0 || !(thrown instanceof SessionNotFound)) throw thrown;
    // Of a call that has begun, it does not show that the server has done nothing.
    throw new UpstreamUnavailable('the server has lost the session amid a call', { cause: thrown });
  } finally {
    for (const timer of timers) clearTimeout(timer);
  }
}

/** How far a stream has been read. */
class Place {
  readonly #stream: Stream;
  readonly #onEvent: () => void;
  lastEventId: string | null = null;
  retryMs = RETRY_MS;
  isOver = false;
  /** What the connection was lost with, after which the server may have more to say. */
  failure: Error | null = null;

  constructor(stream: Stream, onEvent: () => void) {
    this.#stream = stream;
    this.#onEvent = onEvent;
  }

  async *read({ events }: EventsReply): AsyncGenerator<Frame, void> {
    const { limits, isLast } = this.#stream;
    this.failure = null;
    try {
      for await (const { message, id, retryMs } of events) {
        this.#onEvent();
        // An empty id takes back those of before (WHATWG HTML, "Server-sent events").
        if (id !== null) this.lastEventId = id === '' ? null : id;
        if (retryMs !== undefined) this.retryMs = retryMs;
        if (message === null) continue;
        const frame = readMessage(message, limits);
        this.isOver ||= isLast(frame);
        yield frame;
      }
    } catch (thrown) {
      if (!(thrown instanceof UpstreamUnavailable) || this.lastEventId === null) throw thrown;
      this.failure = thrown;
    }
  }
}

/** @throws UpstreamTimeout when the server is to be left alone for longer than it may be silent. */
function waitOf({ retryMs }: Place, { upstreamIdleTimeoutMs: max }: Limits): number {
  if (retryMs <= max) return Math.max(retryMs, MIN_RETRY_MS);
  throw new UpstreamTimeout(`the server wants to be asked again in ${retryMs} ms`, {
    details: { limit: 'upstream_idle_timeout_ms', max },
  });
}
