import { newCallId } from '#audit';
import type { EventSink, Limits, PosternError } from '#lib';
import { toPosternError } from '#lib';
import type { Frame, NotificationFrame, RequestFrame, SingleHeaders } from '#mcp';
import { rpcErrorBytes, UNDECLARED_REVISION } from '#mcp';
import type { Caller } from '#pipeline';
import { UpstreamUnavailable } from '#transport';
import { RequestRefused, Stopping } from '../errors.ts';
import { Closing } from './closing.ts';
import type { Speaker, Target } from './exchanges.ts';
import { Exchanges } from './exchanges.ts';
import { Inbox } from './inbox.ts';
import { Outbox } from './outbox.ts';
import { Requests } from './requests.ts';
import type { Eras } from './revision.ts';
import { revisionOf } from './revision.ts';
import { UpstreamSession } from './session.ts';
import { QuietSink } from './sinks.ts';

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
  readonly caller: Caller;
  /** When the conversation was about to end. */
  readonly late: boolean;
}

/** Time for the server to open its stream before the client’s next message goes on. */
const LISTEN_MS = 1000;

/** Time for the server to take note of the end, and for calls to be recorded. */
const CLOSE_MS = 3000;

/**
 * One client whose messages come and go on one stream. Towards the server it is a client of Streamable
 * HTTP: each message becomes a call of its own, and what the server says comes back on the stream.
 */
export class Conversation {
  readonly #options: ConversationOptions;
  readonly #exchanges: Exchanges;
  readonly #session: UpstreamSession;
  readonly #requests: Requests;
  readonly #inbox: Inbox;
  readonly #outbox: Outbox;
  readonly #closing = new Closing();
  #ready = false;
  #finishing = false;

  constructor(options: ConversationOptions) {
    const { speaker, target, limits } = options;
    this.#options = options;
    this.#inbox = new Inbox(limits);
    this.#outbox = new Outbox(options.write, (cause) => void this.close(toPosternError(cause)));
    this.#exchanges = new Exchanges(speaker, target, this.#closing.connection);
    const back = { outbox: this.#outbox, limits };
    this.#session = new UpstreamSession(this.#exchanges, back, () => this.#onLost());
    this.#requests = new Requests(this.#exchanges, this.#session, back);
  }

  /** Resolves at the end of it: with why, or `null` when the client or the gateway ended it in order. */
  get ended(): Promise<PosternError | null> {
    return this.#closing.ended;
  }

  /** Whether requests are under way. */
  get isBusy(): boolean {
    return this.#requests.size > 0;
  }

  /** Whether it takes no further requests. */
  get isFinishing(): boolean {
    return this.#finishing;
  }

  get isEnding(): boolean {
    return this.#closing.begun;
  }

  /** Whether the client has said `notifications/initialized`, or something that needs no session. */
  get isReady(): boolean {
    return this.#ready;
  }

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
   * @param caller whose they are, where that may be another than the stream's.
   * @throws Overloaded when too many wait already.
   */
  accept(frames: readonly Frame[], caller: Caller = this.#options.speaker): void {
    const late = this.#finishing;
    this.#inbox.add(frames, async (frame) => {
      if (!this.#closing.begun) await this.#take(frame, { caller, late });
    });
  }

  /** Answers what could not be taken; resolves when the client has room for more. */
  refuse(error: PosternError, id: RequestFrame['id'] | null): Promise<void> {
    const call = newCallId();
    this.#tellRejected(error, { call });
    return this.#outbox.send(rpcErrorBytes(error, id, call));
  }

  /** Whether policy still allows the client to listen, as things are. */
  isStillPermitted(): boolean {
    const { signal } = this.#closing;
    const { context } = this.#session;
    return this.#exchanges.permits({ ...context, httpMethod: 'GET', frame: null, signal });
  }

  /** Ends what the client listens to although policy does not allow it any more. */
  endDenied(): void {
    this.#requests.endDeniedSubscriptions();
  }

  /**
   * Lets what has come end within a time, without taking further requests; then ends. At once when it
   * is asked for again.
   */
  async finish(timeoutMs: number): Promise<void> {
    if (!this.#finishing) {
      this.#finishing = true;
      await this.#closing.unless(timeoutMs, async () => {
        await this.#inbox.empty;
        this.#requests.endSubscriptions();
        await this.#requests.answered;
        await this.#outbox.taken;
      });
    }
    await this.close(null);
  }

  /** Ends it, and what is under way with it. Later calls wait for the first. */
  close(why: PosternError | null): Promise<void> {
    return this.#closing.once(why, async () => {
      this.#outbox.close();
      this.#requests.abortAll();
      await this.#session.close(new QuietSink(), AbortSignal.timeout(CLOSE_MS));
      await this.#closing.unless(CLOSE_MS, () => this.#requests.over);
    });
  }

  /** Takes a message its way; resolves when the next one may follow. */
  async #take(frame: Frame, way: Way): Promise<void> {
    switch (frame.kind) {
      case 'request':
        await this.#onRequest(frame, way);
        return;
      case 'notification':
        await this.#onNotification(frame, way);
        return;
      case 'response':
        await this.#tell(frame, way);
    }
  }

  async #onRequest(frame: RequestFrame, { caller, late }: Way): Promise<void> {
    try {
      const revision = revisionOf(frame, this.#session.revision, this.#options.eras);
      if (late) throw new Stopping('the gateway is shutting down');
      if (revision.era === 'stateless') this.#ready = true;
      else if (frame.method === 'initialize' && this.#session.isOpen) {
        throw new RequestRefused('the session is open already');
      }
      await this.#requests.begin(frame, revision, caller);
    } catch (thrown) {
      await this.refuse(toPosternError(thrown), frame.id);
    }
  }

  async #onNotification(frame: NotificationFrame, way: Way): Promise<void> {
    switch (frame.method) {
      case 'notifications/cancelled':
        await this.#onCancelled(frame, way);
        return;
      case 'notifications/initialized':
        await this.#tell(frame, way);
        this.#ready = true;
        if (!this.#session.isOpen) return;
        await this.#closing.unless(LISTEN_MS, () => this.#session.listen());
        return;
      default:
        await this.#tell(frame, way);
    }
  }

  async #onCancelled(frame: NotificationFrame, way: Way): Promise<void> {
    const cancelled = this.#requests.cancel(frame.params['requestId']);
    const era = cancelled?.revision.era ?? (this.#session.isOpen ? 'stateful' : 'stateless');
    // In the stateless era a client of Streamable HTTP cancels by going away.
    if (era === 'stateful') await this.#tell(frame, way);
    cancelled?.abort.abort();
  }

  /** Carries a message that has no answer. */
  async #tell(frame: Exclude<Frame, RequestFrame>, { caller }: Way): Promise<void> {
    const sink = new QuietSink();
    try {
      const own = this.#session.revision;
      const revision =
        frame.kind === 'notification' ? revisionOf(frame, own, this.#options.eras) : own;
      const { signal } = this.#closing;
      const { clientLink, token } = caller;
      const common = { httpMethod: 'POST', frame, clientLink, token, signal } as const;
      const context = revision === own ? this.#session.context : { revision };
      await this.#exchanges.run({ ...common, ...context }, sink);
    } catch (thrown) {
      // A failure of such a message has no way back to the client but the log.
      this.#tellRejected(toPosternError(thrown));
    }
    this.#session.observe(sink);
  }

  #onLost(): void {
    const why = new UpstreamUnavailable('the server has ended the session');
    void this.#outbox.taken.then(() => this.close(why));
  }

  #tellRejected({ message, code, details }: PosternError, more: { call?: string } = {}): void {
    const { speaker, events } = this.#options;
    const fields = { ...more, code, source: speaker.source, ...details };
    events({ severity: 'warn', name: 'request.rejected', message, fields });
  }
}
