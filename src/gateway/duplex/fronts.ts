import type { PosternError } from '#lib';
import type { Call, ReplySink, Services } from '#pipeline';
import type { HttpExchange } from '#transport';
import type { Entrance } from '../calls.ts';
import type { Destinations } from '../destinations.ts';
import type { Admission } from '../overload/admission.ts';
import { callerName } from '../overload/caller-name.ts';
import { overloaded } from '../overload/refusal.ts';
import type { Target as Wanted } from '../routes.ts';
import { addressOf } from '../routes.ts';
import { SseFront } from '../sse-front.ts';
import { Conversations } from './conversations.ts';
import type { Target } from './exchanges.ts';
import type { LineStreams } from './lines.ts';
import { converse } from './lines.ts';

/** The ways in for clients whose messages come and go on one stream. */
export class DuplexFronts {
  readonly #services: () => Services;
  readonly #destinations: Destinations;
  readonly #admission: Admission;
  readonly #conversations = new Conversations();
  readonly #sse: SseFront;

  /** @param services gives the set in force; a call keeps the one that it began with. */
  constructor(services: () => Services, destinations: Destinations, admission: Admission) {
    this.#services = services;
    this.#destinations = destinations;
    this.#admission = admission;
    this.#sse = new SseFront({
      services,
      admission,
      conversations: this.#conversations,
      targetOf: (wanted) => this.#targetFor(wanted),
      isWelcome: (caller, wanted) => destinations.isWelcome(caller, wanted),
    });
  }

  /** Clients whose stream is open. */
  get count(): number {
    return this.#conversations.count;
  }

  /** Answers one request of HTTP+SSE. */
  handle(exchange: HttpExchange, entrance: Entrance): void {
    void this.#sse.handle(exchange, entrance);
  }

  /**
   * Serves one client over a pair of streams until it ends.
   *
   * @returns why it ended, `null` when the client or the gateway ended it in order.
   */
  serve(wanted: Wanted, streams: LineStreams): Promise<PosternError | null> {
    const { limits, events } = this.#services();
    const target = this.#targetFor(wanted);
    return converse({ streams, target, limits, events, conversations: this.#conversations });
  }

  /** Ends those that policy does not permit any more, and those whose connection is to end. */
  recheck(): void {
    this.#conversations.recheck(this.#services().limits.drainTimeoutMs);
  }

  /** Lets requests that have come be answered within a time, then ends everything. */
  drain(timeoutMs: number): Promise<void> {
    return this.#conversations.drain(timeoutMs);
  }

  /** What a conversation is with; a call keeps the services that it began with. */
  #targetFor(wanted: Wanted): Target {
    return {
      ...addressOf(wanted),
      run: (call, sink) => this.#run(call, wanted, sink),
      permits: (call) => this.#destinations.permits(call, wanted),
    };
  }

  /** What has no answer is let in as it is: it is part of something, or ends it. @throws Overloaded */
  async #run(call: Call, wanted: Wanted, sink: ReplySink): Promise<void> {
    const { frame, clientLink, source } = call;
    const isCall = frame?.kind === 'request' && frame.method !== 'subscriptions/listen';
    const place = isCall ? this.#admission.enter(callerName(clientLink, source)) : null;
    if (typeof place === 'string') throw overloaded(place);
    try {
      await this.#destinations.run(call, wanted, this.#services(), sink);
    } finally {
      place?.leave();
    }
  }
}
