import type { IncomingMessage, ServerResponse } from 'node:http';
import type { LinkSecurity } from '#crypto';
import type { PosternError } from '#lib';
import { toPosternError } from '#lib';
import type { Services } from '#pipeline';
import { answerError, runCall } from '#pipeline';
import { connectionOf } from './connection.ts';
import { Stopping } from './errors.ts';
import type { HostNames } from './http-guard.ts';
import { HttpSink } from './http-sink.ts';
import type { CallHead } from './read-call.ts';
import { newCallHead, readCall } from './read-call.ts';

/** Where a request came in. */
export interface Entrance {
  readonly listener: string;
  readonly names: HostNames;
}

interface CallInFlight {
  readonly abort: AbortController;
  /** Streams that wait for nothing in particular, and so are ended first when draining. */
  readonly isStream: boolean;
}

/** Takes HTTP requests through the pipeline and keeps count of them for a clean shutdown. */
export class Calls {
  readonly #services: () => Services;
  readonly #inFlight = new Set<CallInFlight>();
  #stopping = false;
  #onIdle: (() => void) | undefined;

  /** @param services gives the set in force; a call keeps the one that it began with. */
  constructor(services: () => Services) {
    this.#services = services;
  }

  get count(): number {
    return this.#inFlight.size;
  }

  /** Answers one request. Never throws. */
  handle(
    request: IncomingMessage,
    response: ServerResponse,
    link: LinkSecurity,
    entrance: Entrance,
  ): void {
    const inFlight = { abort: new AbortController(), isStream: request.method === 'GET' };
    this.#inFlight.add(inFlight);
    response.once('close', () => {
      if (!response.writableFinished) inFlight.abort.abort();
      this.#inFlight.delete(inFlight);
      if (this.#inFlight.size === 0) this.#onIdle?.();
    });
    void this.#answer(request, response, link, entrance, inFlight.abort.signal);
  }

  /** Refuses new calls, ends open streams, and resolves when the last call has ended or time is up. */
  async drain(timeoutMs: number): Promise<void> {
    this.#stopping = true;
    for (const { abort, isStream } of this.#inFlight) if (isStream) abort.abort();
    if (this.#inFlight.size > 0 && timeoutMs > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        this.#onIdle = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    for (const { abort } of this.#inFlight) abort.abort();
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    link: LinkSecurity,
    entrance: Entrance,
    signal: AbortSignal,
  ): Promise<void> {
    const services = this.#services();
    const sink = new HttpSink(response, services.limits);
    const head = newCallHead();
    try {
      if (this.#stopping) throw new Stopping('the gateway is shutting down');
      const { listener, names } = entrance;
      const connection = connectionOf(request.socket);
      const origin = { listener, link, connection, signal };
      const call = await readCall(request, origin, names, services.limits, head);
      await runCall(call, services, sink);
    } catch (thrown) {
      rejectRequest(request, response, services, sink, head, toPosternError(thrown));
    }
  }
}

/** Answers a request that never became a call. */
function rejectRequest(
  request: IncomingMessage,
  response: ServerResponse,
  services: Services,
  sink: HttpSink,
  head: CallHead,
  error: PosternError,
): void {
  services.events({
    severity: 'warn',
    name: 'request.rejected',
    message: error.message,
    fields: {
      call: head.id,
      code: error.code,
      source: request.socket.remoteAddress,
      ...error.details,
    },
  });
  if (response.destroyed || sink.started) {
    sink.abort();
    return;
  }
  // What is left of the body would be read as the next request, so the connection ends here.
  if (!request.complete) response.shouldKeepAlive = false;
  answerError(head, sink, error);
}
