import type { PosternError } from '#lib';
import { toPosternError } from '#lib';
import type { Frame, NotificationFrame, RequestFrame, ResponseFrame } from '#mcp';
import { metaEntryOf, paramOf } from '#mcp';
import type { Call } from '../duplex/call.ts';
import { Calls, cancelledMessage, LISTEN } from '../duplex/calls.ts';
import type { Channel } from '../duplex/channel.ts';
import type { EventStreams } from '../duplex/event-stream.ts';
import { useInitialize } from '../duplex/sessionless.ts';
import { UpstreamUnavailable } from '../errors.ts';
import type { UpstreamReply, UpstreamRequest } from '../upstream.ts';
import type { Eras } from './eras.ts';
import { isMethodUnknown, showsStateful, statusOf } from './eras.ts';
import type { Launcher } from './launcher.ts';

const DISCOVER = 'server/discover';
const SUBSCRIPTION_ID = 'io.modelcontextprotocol/subscriptionId';

/** What the workers of one server share. */
export interface WorkerContext {
  readonly launcher: Launcher;
  readonly streams: EventStreams;
  readonly eras: Eras;
  /** Whether the calls of all principals are one owner's. */
  readonly isShared: boolean;
  onEnded(worker: Worker): void;
}

/** One process that serves sessionless calls (2026-07-28) of one principal. */
export class Worker {
  readonly principal: string;
  readonly #context: WorkerContext;
  readonly #calls: Calls;
  readonly #channel: Channel;
  /** The server has answered or said something. */
  #heard = false;
  #usedAt = performance.now();
  #ended = false;

  /** @throws UpstreamUnavailable when the program cannot even be tried. */
  constructor(context: WorkerContext, principal: string) {
    this.principal = principal;
    this.#context = context;
    this.#calls = new Calls(context.launcher.program.limits, !context.isShared);
    this.#channel = context.launcher.open(principal, {
      onFrame: (frame) => this.#onFrame(frame),
      onRefusedAnswer: (id, error) => this.#calls.take(id)?.fail(error),
      onClosed: (error) => this.#onClosed(error),
    });
  }

  /** When the worker last had a call, on the clock of performance.now(). */
  get usedAt(): number {
    return this.#usedAt;
  }

  get idle(): boolean {
    return this.#calls.size === 0;
  }

  /** Whether the request's id and progress token are free here. */
  canTake(frame: RequestFrame): boolean {
    return this.#calls.canTake(frame);
  }

  /** Carries one request. */
  carry(frame: RequestFrame, request: UpstreamRequest): Promise<UpstreamReply> {
    this.#usedAt = performance.now();
    const call = this.#calls.start(frame, {
      streams: this.#context.streams,
      gate: this.#channel,
      signal: request.signal,
      // In this era a client cancels by going away; a stdio server has to be told.
      onAbandoned: () => this.#cancel(call, 'the client went away'),
    });
    this.#channel.send(frame, request).catch((thrown: unknown) => {
      this.#calls.take(frame.id)?.fail(toPosternError(thrown));
    });
    return call.reply;
  }

  /** Fails calls that take too long and ends the worker when it has been idle for long enough. */
  tick(now: number): void {
    if (this.#channel.held) this.#calls.touchAll(now);
    for (const call of this.#calls.all()) this.#checkTime(call, now);
    const { statelessChildIdleMs } = this.#context.launcher.program.limits;
    if (this.idle && now - this.#usedAt > statelessChildIdleMs) this.end('it was idle');
  }

  /** Ends the worker's process and what is pending in it. */
  end(reason: string): void {
    this.#finish(new UpstreamUnavailable(`the server was stopped: ${reason}`));
    void this.#channel.stop();
  }

  #finish(error: PosternError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#calls.failAll(error);
    this.#context.onEnded(this);
  }

  #onClosed(error: PosternError): void {
    const [probe] = this.#calls.all();
    // Some servers of the stateful era exit at whatever comes before `initialize`.
    if (!this.#heard && probe?.frame.method === DISCOVER && error instanceof UpstreamUnavailable) {
      this.#context.launcher.forgive(this.principal);
      this.#answerStateful(probe, error.message);
    }
    this.#finish(error);
  }

  #onFrame(frame: Frame): void {
    this.#heard = true;
    if (frame.kind === 'response') {
      this.#onAnswer(frame);
      return;
    }
    if (frame.kind === 'request') {
      this.#channel.dropped('a request, which servers do not send in this revision');
      return;
    }
    if (frame.method === 'notifications/cancelled') {
      this.#onCancelled(frame);
      return;
    }
    const call = this.#callOf(frame);
    if (call === undefined) this.#channel.dropped('a notification that belongs to no call');
    else call.send(frame.bytes);
  }

  #onAnswer(frame: ResponseFrame): void {
    this.#usedAt = performance.now();
    const call = frame.id === null ? undefined : this.#calls.take(frame.id);
    if (call === undefined) {
      this.#channel.dropped('an answer that nobody waits for');
      return;
    }
    if (!showsStateful(call.frame, frame)) {
      call.answer(frame, statusOf(call.frame, frame));
      return;
    }
    // Other errors may be about what this one client sent.
    if (isMethodUnknown(frame)) this.#context.eras.learnStateful(this.principal);
    this.#answerStateful(call, 'it does not know server/discover');
    if (this.idle) this.end('it speaks the stateful revisions');
  }

  /** A server may only end subscriptions in this way (2026-07-28, Cancellation). */
  #onCancelled(frame: NotificationFrame): void {
    const call = this.#calls.find(paramOf(frame, 'requestId'));
    if (call?.frame.method !== LISTEN) {
      this.#channel.dropped('a cancellation of something that is no subscription');
      return;
    }
    this.#calls.take(call.frame.id);
    call.endUnanswered();
  }

  #callOf(frame: NotificationFrame): Call | undefined {
    if (frame.method === 'notifications/progress') return this.#calls.byProgress(frame);
    const subscription = metaEntryOf(frame, SUBSCRIPTION_ID);
    if (subscription !== undefined) return this.#calls.find(subscription);
    // What is logged may be about a call that is over, and then of another principal.
    if (frame.method !== 'notifications/message' || this.#context.isShared) return undefined;
    // Log messages name no request; with one request alone there is no doubt whose they are.
    const [call, ...others] = this.#calls
      .all()
      .filter(({ frame: { method } }) => method !== LISTEN);
    return others.length === 0 ? call : undefined;
  }

  #checkTime(call: Call, now: number): void {
    const { method } = call.frame;
    if (method === LISTEN) return;
    const { discoverTimeoutMs } = this.#context.launcher.program.limits;
    if (method === DISCOVER && !this.#heard && now - call.startedAt > discoverTimeoutMs) {
      this.#answerStateful(
        call,
        `it did not answer server/discover within ${discoverTimeoutMs} ms`,
      );
      // Last, since it may yet answer.
      this.#calls.giveUp(call);
      if (this.idle) this.end('it does not answer');
      return;
    }
    const error = this.#calls.overdue(call, now);
    if (error === null) return;
    this.#cancel(call, error.message);
    call.fail(error);
  }

  #answerStateful(call: Call, detail: string): void {
    this.#calls.take(call.frame.id);
    const { frame, status } = useInitialize(call.frame.id, detail);
    call.answer(frame, status);
  }

  #cancel(call: Call, reason: string): void {
    if (this.#ended) return;
    this.#usedAt = performance.now();
    this.#calls.giveUp(call);
    // A server that does not read will not stop working for being told to.
    this.#channel.send(cancelledMessage(call.frame.id, reason)).catch(() => undefined);
  }
}
