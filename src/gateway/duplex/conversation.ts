import type { LinkSecurity } from '#crypto';
import type { EventSink, Limits, PosternError } from '#lib';
import { toPosternError } from '#lib';
import type { Frame, NotificationFrame, RequestFrame, SingleHeaders } from '#mcp';
import { rpcErrorBytes, UNDECLARED_REVISION } from '#mcp';
import { newCallId } from '#audit';
import { UpstreamProtocolError, UpstreamUnavailable } from '#transport';
import { RequestRefused, Stopping } from '../errors.ts';
import { Closing } from './closing.ts';
import type { Speaker, Target } from './exchanges.ts';
import { Exchanges } from './exchanges.ts';
import { Inbox } from './inbox.ts';
import { Outbox } from './outbox.ts';
import type { Pending } from './pending.ts';
import { PendingRequests } from './pending.ts';
import type { Eras } from './revision.ts';
import { revisionOf } from './revision.ts';
import { UpstreamSession } from './session.ts';
import type { Back } from './sinks.ts';
import { QuietSink, RequestSink } from './sinks.ts';

/** What a {@link Conversation} works with. */
export interface ConversationOptions {
  readonly speaker: Speaker;
  readonly target: Target;
  /** Revisions that the transport has. */
  readonly eras: Eras;
  readonly limits: Limits;
  readonly events: EventSink;
  /** Sends one message; resolves when the client has room for more, rejects when it is gone. */
  readonly write: (message: Buffer) => Promise<void>;
}

/** How a message came. */
interface Way {
  readonly link: LinkSecurity;
  /** When the conversation was about to end. */
  readonly late: boolean;
}

/** Time for the server to open its stream before the client’s next message goes on. */
const LISTEN_MS = 1000;

/** Time for the server to take note of the end, and for calls to be recorded. */
const CLOSE_MS = 3000;

/** The request that stays open for as long as its client wants to hear (2026-07-28). */
const LISTEN = 'subscriptions/listen';

/**
 * One client whose messages come and go on one stream. Towards the server it is a client of Streamable
 * HTTP: each message becomes a call of its own, and what the server says comes back on the stream.
 */
export class Conversation {
  readonly #options: ConversationOptions;
  readonly #exchanges: Exchanges;
  readonly #session: UpstreamSession;
  readonly #pending: PendingRequests;
  readonly #outbox: Outbox;
  readonly #back: Back;
  readonly #closing = new Closing();
  readonly #running = new Set<Promise<void>>();
  readonly #inbox: Inbox;
  #finishing = false;

  constructor(options: ConversationOptions) {
    const { speaker, target, limits } = options;
    this.#options = options;
    this.#outbox = new Outbox(options.write, (cause) => void this.close(toPosternError(cause)));
    this.#back = { outbox: this.#outbox, limits };
    this.#exchanges = new Exchanges(speaker, target, this.#closing.connection);
    this.#inbox = new Inbox(limits);
    this.#pending = new PendingRequests(limits.maxInFlightPerSession);
    this.#session = new UpstreamSession(this.#exchanges, this.#back, () => this.#onLost());
  }

  /** Resolves at the end of it: with why, or `null` when the client or the gateway ended it in order. */
  get ended(): Promise<PosternError | null> {
    return this.#closing.ended;
  }

  /** Whether `notifications/initialized` has been heard, or the client needs none. */
  isReady = false;

  /** What the client would say in headers of every request, if it had any. */
  get headers(): SingleHeaders {
    const { revision } = this.#session;
    return revision === UNDECLARED_REVISION ? {} : { 'mcp-protocol-version': revision.name };
  }

  /** Resolves when there is room for further messages. */
  get room(): Promise<void> {
    return this.#inbox.isFull ? this.#inbox.empty : Promise.resolve();
  }

  /**
   * Takes messages in, after those before them.
   *
   * @param link over which they came, where that may be another than the stream's.
   * @throws Overloaded when too many wait already.
   */
  accept(frames: readonly Frame[], link: LinkSecurity = this.#options.speaker.link): void {
    const late = this.#finishing;
    this.#inbox.add(frames, async (frame) => {
      if (!this.#closing.begun) await this.#take(frame, { link, late });
    });
  }

  /** Answers what could not be read. */
  refuse(error: PosternError, id: RequestFrame['id'] | null): Promise<void> {
    const call = newCallId();
    const { speaker, events } = this.#options;
    events({
      severity: 'warn',
      name: 'request.rejected',
      message: error.message,
      fields: { call, code: error.code, source: speaker.source, ...error.details },
    });
    return this.#outbox.send(rpcErrorBytes(error, id, call));
  }

  /** Whether policy still allows the client to listen, as things are. */
  isStillPermitted(): boolean {
    const { signal } = new AbortController();
    return this.#exchanges.permits({
      ...this.#session.context,
      httpMethod: 'GET',
      frame: null,
      signal,
    });
  }

  /**
   * Lets what has come end within a time, without taking further requests; then ends. At once when it
   * is asked for again.
   */
  async finish(timeoutMs: number): Promise<void> {
    if (this.#finishing) {
      await this.close(null);
      return;
    }
    this.#finishing = true;
    await this.#closing.unless(timeoutMs, async () => {
      await this.#inbox.empty;
      this.#endSubscriptions();
      await this.#pending.none;
      await this.#outbox.taken;
    });
    await this.close(null);
  }

  /** Ends it; what is under way with it. Later calls wait for the first. */
  close(why: PosternError | null): Promise<void> {
    return this.#closing.once(why, async () => {
      this.#outbox.close();
      this.#pending.abortAll();
      const late = AbortSignal.timeout(CLOSE_MS);
      await this.#session.close(new QuietSink(), late);
      await this.#closing.unless(CLOSE_MS, () => Promise.all(this.#running));
    });
  }

  /**
   * Takes a message its way; resolves when the next one may follow: with a request at once, since
   * answers come in any order, with the rest when it has reached the server.
   */
  async #take(frame: Frame, way: Way): Promise<void> {
    switch (frame.kind) {
      case 'request':
        await this.#onRequest(frame, way);
        return;
      case 'notification':
        await this.#onNotification(frame, way.link);
        return;
      case 'response':
        await this.#tell(frame, way.link);
    }
  }

  async #onRequest(frame: RequestFrame, { link, late }: Way): Promise<void> {
    let pending: Pending;
    try {
      pending = this.#admit(frame, late);
    } catch (thrown) {
      await this.refuse(toPosternError(thrown), frame.id);
      return;
    }
    const answered = Promise.withResolvers<void>();
    const carried = this.#carry(pending, link, () => answered.resolve());
    this.#running.add(carried);
    void carried.finally(() => this.#running.delete(carried));
    // What comes next belongs into the session that this opens.
    if (opensSession(pending)) await Promise.race([answered.promise, carried]);
  }

  /** @throws PosternError that answers the request. */
  #admit(frame: RequestFrame, late: boolean): Pending {
    const revision = revisionOf(frame, this.#session.revision, this.#options.eras);
    if (late) throw new Stopping('the gateway is shutting down');
    if (revision.era === 'stateful' && frame.method === 'initialize' && this.#session.isOpen) {
      throw new RequestRefused('the session is open already');
    }
    if (revision.era === 'stateless') this.isReady = true;
    return this.#pending.add(frame, revision);
  }

  async #carry(pending: Pending, clientLink: LinkSecurity, onAnswered: () => void): Promise<void> {
    const { frame, revision, abort } = pending;
    const opens = opensSession(pending);
    const sink: RequestSink = new RequestSink(this.#back, frame, (answer) => {
      if (opens) this.#session.opened(answer, sink.sessionId);
      onAnswered();
    });
    const common = { httpMethod: 'POST', frame, clientLink, signal: abort.signal } as const;
    const stateful = revision.era === 'stateful';
    const context = stateful && !opens ? this.#session.context : { revision, sessionId: null };
    await this.#exchanges.run({ ...common, ...context }, sink);
    const isDone = (): boolean => sink.answered || pending.cancelled || abort.signal.aborted;
    if (stateful && !isDone()) await this.#session.resume(sink, abort.signal, isDone);
    if (!isDone()) this.#leaveUnanswered(pending);
    await this.#outbox.taken;
    this.#pending.remove(pending);
    if (stateful) this.#session.observe(sink);
  }

  /** The client would wait for ever. */
  #leaveUnanswered({ frame }: Pending): void {
    if (frame.method === LISTEN) {
      void this.#outbox.send(endOfSubscription(frame));
      return;
    }
    const error = new UpstreamProtocolError('the server ended its reply without an answer');
    void this.#outbox.send(rpcErrorBytes(error, frame.id, newCallId()));
  }

  async #onNotification(frame: NotificationFrame, link: LinkSecurity): Promise<void> {
    const isCancellation = frame.method === 'notifications/cancelled';
    const cancelled = isCancellation ? this.#pending.find(frame.params['requestId']) : undefined;
    if (cancelled !== undefined) cancelled.cancelled = true;
    else if (isCancellation && !this.#session.isOpen) return;
    // In the stateless era a client of Streamable HTTP cancels by going away.
    if (cancelled?.revision.era !== 'stateless') await this.#tell(frame, link);
    cancelled?.abort.abort();
    if (frame.method !== 'notifications/initialized' || !this.#session.isOpen) return;
    this.isReady = true;
    await this.#closing.unless(LISTEN_MS, () => this.#session.listen());
  }

  /** Carries a message that has no answer. */
  async #tell(frame: Exclude<Frame, RequestFrame>, clientLink: LinkSecurity): Promise<void> {
    const sink = new QuietSink();
    try {
      const own = this.#session.revision;
      const revision =
        frame.kind === 'notification' ? revisionOf(frame, own, this.#options.eras) : own;
      const { signal } = this.#closing;
      const common = { httpMethod: 'POST', frame, clientLink, signal } as const;
      const context = revision === own ? this.#session.context : { revision };
      await this.#exchanges.run({ ...common, ...context }, sink);
    } catch (thrown) {
      // A failure of such a message has no way back to the client but the log.
      const { message, code, details } = toPosternError(thrown);
      const fields = { code, source: this.#options.speaker.source, ...details };
      this.#options.events({ severity: 'warn', name: 'request.rejected', message, fields });
    }
    this.#session.observe(sink);
  }

  /** They would go on for ever. */
  #endSubscriptions(): void {
    for (const pending of this.#pending.of(LISTEN)) {
      pending.cancelled = true;
      void this.#outbox.send(endOfSubscription(pending.frame));
      pending.abort.abort();
    }
  }

  #onLost(): void {
    const why = new UpstreamUnavailable('the server has ended the session');
    void this.#outbox.taken.then(() => this.close(why));
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
