import type { PosternError } from '#lib';
import { rpcErrorBytes } from '#mcp';
import type { HttpExchange, ResponseHeaders } from '#transport';
import { Overloaded } from '../errors.ts';
import type { Refusal } from './admission.ts';

const MEANINGS: Readonly<Record<Refusal, string>> = {
  max_calls_in_flight: 'too many calls are in flight',
  max_turn_ms: 'the gateway has more to do than it can',
};

/** Clients are told to come back after one to three seconds, each at a time of its own. */
const RETRY_AFTER_MS = 1000;
const RETRY_SPREAD_MS = 2000;
/** Different times; for each there is one answer, made once. */
const RETRY_STEPS = 16;

/** A body that is about to come is read and dropped up to this; beyond, its connection ends. */
const MAX_DROPPED_BYTES = 64 * 1024;

/** How long a refusal is held back, and how many at most. */
const HOLD_MS = 250;
const MAX_HELD = 4096;

interface Answer {
  readonly headers: ResponseHeaders;
  readonly body: Buffer;
}

/** The failure of a call that found no place. */
export function overloaded(limit: Refusal, step = anyStep()): PosternError {
  return new Overloaded(MEANINGS[limit], {
    details: { limit, retry_after_ms: retryAfterMs(step) },
  });
}

/** Answers requests of which nothing has been read but their heads, for next to nothing. */
export class Refusals {
  #held = 0;

  /**
   * Refuses a request. The answer is held back for a moment: who comes again at once, whatever it says,
   * would otherwise keep the gateway busy with refusals.
   */
  answer(exchange: HttpExchange, limit: Refusal): void {
    if (this.#held >= MAX_HELD) {
      this.#send(exchange, limit);
      return;
    }
    this.#held += 1;
    setTimeout(() => {
      this.#held -= 1;
      if (!exchange.isLost) this.#send(exchange, limit);
    }, HOLD_MS).unref();
  }

  /** The connection stays open where that is safe: a new one costs as much as many calls. */
  #send(exchange: HttpExchange, limit: Refusal): void {
    const { headers, body } = answerFor(limit);
    const { 'content-length': length = '0', 'transfer-encoding': coding } = exchange.headers;
    if (coding === undefined && Number(length) <= MAX_DROPPED_BYTES) exchange.dropBody();
    exchange.respond(503, headers, body);
  }
}

const answers = new Map<Refusal, Answer[]>();

function answerFor(limit: Refusal): Answer {
  let known = answers.get(limit);
  if (known === undefined) {
    known = Array.from({ length: RETRY_STEPS }, (_, step) => answerOf(limit, step));
    answers.set(limit, known);
  }
  return known[anyStep()] ?? answerOf(limit, 0);
}

function answerOf(limit: Refusal, step: number): Answer {
  return {
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      'retry-after': String(Math.ceil(retryAfterMs(step) / 1000)),
    },
    // Such a request is in no log, so there is nothing that an id would lead to.
    body: rpcErrorBytes(overloaded(limit, step), null),
  };
}

function retryAfterMs(step: number): number {
  return RETRY_AFTER_MS + (RETRY_SPREAD_MS / RETRY_STEPS) * step;
}

function anyStep(): number {
  return Math.floor(Math.random() * RETRY_STEPS);
}
