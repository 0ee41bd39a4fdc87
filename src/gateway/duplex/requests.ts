import { newCallId } from '#audit';
import type { RequestFrame, Revision } from '#mcp';
import { rpcErrorBytes } from '#mcp';
import type { Caller } from '#pipeline';
import { UpstreamProtocolError } from '#transport';
import type { Exchanges } from './exchanges.ts';
import type { Pending } from './pending.ts';
import { PendingRequests } from './pending.ts';
import type { UpstreamSession } from './session.ts';
import type { Back } from './sinks.ts';
import { RequestSink } from './sinks.ts';

/** The request that stays open for as long as its client wants to hear (2026-07-28). */
const LISTEN = 'subscriptions/listen';

/** Carries the requests of one client, side by side. */
export class Requests {
  readonly #exchanges: Exchanges;
  readonly #session: UpstreamSession;
  readonly #back: Back;
  readonly #pending: PendingRequests;
  readonly #running = new Set<Promise<void>>();

  constructor(exchanges: Exchanges, session: UpstreamSession, back: Back) {
    this.#exchanges = exchanges;
    this.#session = session;
    this.#back = back;
    this.#pending = new PendingRequests(back.limits.maxInFlightPerSession);
  }

  /** How many have no answer yet. */
  get size(): number {
    return this.#pending.size;
  }

  /** Resolves when each has its answer. */
  get answered(): Promise<void> {
    return this.#pending.none;
  }

  /** Resolves when nothing of them is under way any more. */
  get over(): Promise<unknown> {
    return Promise.all(this.#running);
  }

  /**
   * Begins to carry a request.
   *
   * @param caller whose it is.
   * @returns what resolves when the next message may follow.
   * @throws RequestIdInUse, Overloaded
   */
  begin(frame: RequestFrame, revision: Revision, caller: Caller): Promise<void> {
    const pending = this.#pending.add(frame, revision);
    const answered = Promise.withResolvers<void>();
    const carried = this.#carry(pending, caller, () => answered.resolve());
    this.#running.add(carried);
    void carried.finally(() => this.#running.delete(carried));
    // What comes next belongs into the session that this opens; else answers come in any order.
    return opensSession(pending) ? Promise.race([answered.promise, carried]) : Promise.resolve();
  }

  /** Takes note that the client does not want an answer any more, if it still waits for it. */
  cancel(id: unknown): Pending | undefined {
    const pending = this.#pending.find(id);
    if (pending !== undefined) pending.cancelled = true;
    return pending;
  }

  /** Ends subscriptions, which would go on for ever, and tells the client. */
  endSubscriptions(): void {
    this.#endSubscriptions(() => true);
  }

  /** Ends the subscriptions that policy does not permit any more, and tells the client. */
  endDeniedSubscriptions(): void {
    this.#endSubscriptions(({ frame, revision, abort: { signal } }) => {
      return !this.#exchanges.permits({ httpMethod: 'POST', frame, revision, signal });
    });
  }

  #endSubscriptions(which: (pending: Pending) => boolean): void {
    for (const pending of this.#pending.of(LISTEN).filter(which)) {
      pending.cancelled = true;
      void this.#back.outbox.send(endOfSubscription(pending.frame));
      pending.abort.abort();
    }
  }

  abortAll(): void {
    this.#pending.abortAll();
  }

  async #carry(pending: Pending, caller: Caller, onAnswered: () => void): Promise<void> {
    const { frame, revision, abort } = pending;
    const opens = opensSession(pending);
    const sink: RequestSink = new RequestSink(this.#back, frame, (answer) => {
      if (opens) this.#session.opened(answer, sink.sessionId);
      this.#exchanges.answered(frame, answer);
      onAnswered();
    });
    const { clientLink, token } = caller;
    const common = { httpMethod: 'POST', frame, clientLink, token, signal: abort.signal } as const;
    const stateful = revision.era === 'stateful';
    const context = stateful && !opens ? this.#session.context : { revision, sessionId: null };
    await this.#exchanges.run({ ...common, ...context }, sink);
    const isDone = (): boolean => sink.answered || pending.cancelled || abort.signal.aborted;
    if (stateful && !isDone()) await this.#session.resume(sink, abort.signal, isDone);
    if (!isDone()) this.#leaveUnanswered(pending);
    await this.#back.outbox.taken;
    this.#pending.remove(pending);
    if (stateful) this.#session.observe(sink);
  }

  /** The client would wait for ever. */
  #leaveUnanswered({ frame }: Pending): void {
    if (frame.method === LISTEN) {
      void this.#back.outbox.send(endOfSubscription(frame));
      return;
    }
    const error = new UpstreamProtocolError('the server ended its reply without an answer');
    void this.#back.outbox.send(rpcErrorBytes(error, frame.id, newCallId()));
  }
}

function opensSession({ frame, revision }: Pending): boolean {
  return revision.era === 'stateful' && frame.method === 'initialize';
}

/** What a server says when it tears a subscription down (2026-07-28, Cancellation). */
function endOfSubscription({ id }: RequestFrame): Buffer {
  const params = { requestId: id, reason: 'the server ended the subscription' };
  const message = { jsonrpc: '2.0', method: 'notifications/cancelled', params };
  return Buffer.from(JSON.stringify(message));
}
