import type { JsonObject, ResponseFrame } from '#mcp';
import { idKey } from '#mcp';
import type { Call, ReplyHead, ReplySink, Services } from '#pipeline';
import { runCall } from '#pipeline';
import { readEvent, readMessage } from '#transport';

/** What came of a call that the gateway makes for itself. */
export interface Answer {
  /** `null` when the call was given up before there was one. */
  readonly status: number | null;
  readonly sessionId: string | null;
  /** `null` when there was no message. */
  readonly frame: ResponseFrame | null;
}

/** Makes a call and waits for its answer; what the server says besides is dropped. Never throws. */
export async function ask(call: Call, services: Services): Promise<Answer> {
  const sink = new CollectingSink(call, services);
  await runCall(call, services, sink);
  return sink.answer;
}

/** The result of an answer, `null` when it has none. */
export function resultOf({ frame }: Answer): JsonObject | null {
  return frame !== null && 'result' in frame.outcome ? frame.outcome.result : null;
}

/** Why an answer has no result, for people; bounded, since a server may have written it. */
export function reasonOf({ status, frame }: Answer): string {
  if (frame !== null && 'error' in frame.outcome) return frame.outcome.error.message.slice(0, 200);
  if (status === null) return 'it has not answered in time';
  return status < 400 ? 'it has answered with no message' : `it has answered with status ${status}`;
}

/** The code of an answer's JSON-RPC error, `null` when it has none. */
export function errorCodeOf({ frame }: Answer): number | null {
  return frame !== null && 'error' in frame.outcome ? frame.outcome.error.code : null;
}

class CollectingSink implements ReplySink {
  readonly #call: Call;
  readonly #services: Services;
  answer: Answer = { status: null, sessionId: null, frame: null };
  started = false;

  constructor(call: Call, services: Services) {
    this.#call = call;
    this.#services = services;
  }

  json(status: number, { sessionId }: ReplyHead, body: Buffer): void {
    this.#take(status, sessionId, body);
  }

  empty(status: number, { sessionId }: ReplyHead): void {
    this.started = true;
    this.answer = { status, sessionId, frame: null };
  }

  openEvents({ sessionId }: ReplyHead): void {
    this.started = true;
    this.answer = { status: 200, sessionId, frame: null };
  }

  event(wire: Buffer): Promise<void> {
    const { message } = readEvent(wire, false);
    if (message !== null) this.#take(200, this.answer.sessionId, message);
    return Promise.resolve();
  }

  endEvents(): void {}

  abort(): void {}

  #take(status: number, sessionId: string | null, message: Buffer): void {
    this.started = true;
    const frame = readMessage(message, this.#services.limits);
    if (frame.kind !== 'response') return;
    const asked = this.#call.frame;
    const own =
      frame.id === null || (asked?.kind === 'request' && idKey(asked.id) === idKey(frame.id));
    if (own) this.answer = { status, sessionId, frame };
  }
}
