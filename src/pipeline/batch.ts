import { formatEvent } from '#transport';
import type { Call } from './call.ts';
import type { ReplyHead, ReplySink } from './reply-sink.ts';

const NO_SESSION: ReplyHead = { sessionId: null };

/** Requests of one batch that run at a time, so that no more answers wait for a slow reader. */
const LANES = 8;

/**
 * Runs the calls of a batch (2025-03-26, basic, "Batching"), each decided, forwarded and recorded by
 * itself: first what needs no answer, in order, then the requests side by side. Their answers go out
 * on one event stream as they come.
 *
 * @param run takes one of them its way; it must not throw.
 */
export async function runBatch(
  calls: readonly Call[],
  run: (call: Call, sink: ReplySink) => Promise<void>,
  sink: ReplySink,
): Promise<void> {
  const reply = new BatchReply(sink);
  for (const call of calls) {
    if (!isRequest(call)) await run(call, reply.ofRest());
  }
  const queue = calls.filter(isRequest).values();
  const work = async (): Promise<void> => {
    for (const call of queue) {
      await run(call, reply.ofRequest());
      await reply.taken;
    }
  };
  await Promise.all(Array.from({ length: LANES }, work));
  reply.end();
}

function isRequest({ frame }: Call): boolean {
  return frame?.kind === 'request';
}

interface Refusal {
  readonly status: number;
  readonly body: Buffer;
}

/** Gathers the replies to the calls of a batch into one. */
class BatchReply {
  readonly #sink: ReplySink;
  #open = false;
  #refusal: Refusal | null = null;
  #taken = Promise.resolve();
  #aborted = false;

  constructor(sink: ReplySink) {
    this.#sink = sink;
  }

  /** Resolves when the client has room for more, or is gone. */
  get taken(): Promise<void> {
    return this.#taken;
  }

  /** The way back for a request: whatever it is answered with becomes events. */
  ofRequest(): ReplySink {
    let started = false;
    return {
      get started() {
        return started;
      },
      json: (_status, _head, body) => {
        started = true;
        this.#taken = this.#event(formatEvent(body)).catch(() => undefined);
      },
      empty: () => undefined,
      openEvents: () => {
        started = true;
        this.#begin();
      },
      event: (wire) => this.#event(wire),
      endEvents: () => undefined,
      abort: () => this.#abort(),
    };
  }

  /** The way back for a notification or response: only a refusal says anything. */
  ofRest(): ReplySink {
    return {
      started: false,
      json: (status, _head, body) => {
        this.#refusal ??= { status, body };
      },
      empty: () => undefined,
      openEvents: () => undefined,
      event: () => Promise.resolve(),
      endEvents: () => undefined,
      abort: () => this.#abort(),
    };
  }

  /** Every call is done. */
  end(): void {
    if (this.#aborted) return;
    if (this.#open) this.#sink.endEvents();
    else if (this.#refusal === null) this.#sink.empty(202, NO_SESSION);
    else this.#sink.json(this.#refusal.status, NO_SESSION, this.#refusal.body);
  }

  #event(wire: Buffer): Promise<void> {
    this.#begin();
    return this.#sink.event(wire);
  }

  #abort(): void {
    this.#aborted = true;
    this.#sink.abort();
  }

  #begin(): void {
    if (this.#open) return;
    this.#open = true;
    this.#sink.openEvents(NO_SESSION);
  }
}
