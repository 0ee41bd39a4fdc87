import { randomBytes } from 'node:crypto';
import type { PosternError } from '#lib';
import { toPosternError } from '#lib';
import type { Frame, NotificationFrame, RequestFrame, ResponseFrame } from '#mcp';
import { idKey, paramOf } from '#mcp';
import { ResponseUnexpected, UpstreamTimeout, UpstreamUnavailable } from '../errors.ts';
import type { EmptyReply, UpstreamReply, UpstreamRequest } from '../upstream.ts';
import type { Call } from './call.ts';
import { Calls, cancelledMessage } from './calls.ts';
import type { Channel, ChannelSource, ServerContext } from './channel.ts';
import type { EventStreams } from './event-stream.ts';
import { Mailbox } from './mailbox.ts';
import type { ConnectionBook } from './presence.ts';
import { Presence } from './presence.ts';

/** What the sessions of one server share. */
export interface SessionContext {
  readonly server: ServerContext;
  readonly channels: ChannelSource;
  readonly streams: EventStreams;
  readonly book: ConnectionBook;
  onEnded(session: Session): void;
}

/** One session of the stateful era (2024-11-05 to 2025-11-25): one client, one channel to the server. */
export class Session {
  /** Unguessable, though never an authentication. */
  readonly id = randomBytes(32).toString('base64url');
  readonly principal: string;
  readonly #context: SessionContext;
  readonly #presence: Presence;
  readonly #calls: Calls;
  readonly #channel: Channel;
  readonly #mailbox: Mailbox;
  /** Ids of the server's own requests that the client has not answered yet. */
  readonly #asked = new Set<string>();
  #opening: Call | null = null;
  #ended = false;

  /** @throws what opening a channel throws. */
  constructor(context: SessionContext, principal: string) {
    const { server, channels, streams } = context;
    this.principal = principal;
    this.#context = context;
    this.#presence = new Presence(server.limits);
    this.#calls = new Calls(server.limits);
    this.#channel = channels.open(principal, {
      onFrame: (frame) => this.#onFrame(frame),
      onRefusedAnswer: (id, error) => this.#calls.take(id)?.fail(error),
      onClosed: (error) => this.end('its server ended', error),
    });
    this.#mailbox = new Mailbox({ server, streams, channel: this.#channel });
  }

  /** When something last happened, on the clock of performance.now(). */
  get quietSince(): number {
    return this.#presence.quietSince;
  }

  /** Whether its client keeps a connection open. */
  get isAttended(): boolean {
    return this.#presence.connections.size > 0;
  }

  /** Whether the session may make room for a new one. */
  isQuiet(now: number): boolean {
    return this.#presence.isQuiet(now, this.#calls.wanted);
  }

  /** Carries the `initialize` request that the session was made for. */
  open(request: UpstreamRequest, frame: RequestFrame): Promise<UpstreamReply> {
    this.#context.book.enter(request.connection, this.#presence);
    return this.#call(frame, request, (call) => {
      this.#opening = call;
      call.sessionId = this.id;
    });
  }

  /** Carries any later exchange of the session. */
  async exchange(request: UpstreamRequest): Promise<UpstreamReply> {
    this.#presence.used();
    this.#context.book.enter(request.connection, this.#presence);
    const { httpMethod, frame } = request;
    const { link } = this.#channel;
    if (httpMethod !== 'POST' && link !== null) request.onLink(link);
    if (httpMethod === 'DELETE') {
      this.end('its client ended it');
      return empty(200);
    }
    if (httpMethod === 'GET' || frame === null) return this.#listen(request.signal);
    switch (frame.kind) {
      case 'request':
        return this.#call(frame, request, (call) => this.#mailbox.flushTo(call));
      case 'notification':
        return this.#notify(frame, request);
      case 'response':
        return this.#respond(frame, request);
    }
  }

  /** Fails calls that take too long and ends the session when its time is over. */
  tick(now: number): void {
    // Silence is not the server's fault while it waits for its client's answer or reader.
    if (this.#channel.held || this.#asked.size > 0) this.#calls.touchAll(now);
    for (const call of this.#calls.all()) {
      const error = this.#calls.overdue(call, now);
      if (error !== null) this.#timeOut(call, error);
    }
    const reason = this.#presence.expiry(now, this.#calls.wanted);
    if (reason !== null) this.end(reason);
  }

  /** Ends the session and its channel; whatever is open or pending ends with it. */
  end(reason: string, error: PosternError = sessionOver(reason)): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#calls.failAll(error);
    this.#mailbox.close();
    this.#context.book.leave(this.#presence);
    void this.#channel.stop();
    const { name, events } = this.#context.server;
    events({
      severity: 'debug',
      name: 'upstream.session_ended',
      message: `a session of "${name}" ended: ${reason}`,
      fields: { server: name, principal: this.principal },
    });
    this.#context.onEnded(this);
  }

  #call(
    frame: RequestFrame,
    request: UpstreamRequest,
    onStarted: (call: Call) => void,
  ): Promise<UpstreamReply> {
    const call = this.#calls.start(frame, {
      streams: this.#context.streams,
      gate: this.#channel,
      signal: request.signal,
      // A lost connection is no cancellation; but nobody else will ever know a session's id.
      onAbandoned: () => {
        if (call === this.#opening) this.end('its client went away during initialize');
      },
    });
    onStarted(call);
    this.#channel.send(frame, request).catch((thrown: unknown) => {
      this.#notSent(call, toPosternError(thrown));
    });
    return call.reply;
  }

  #listen(signal: AbortSignal): UpstreamReply {
    const events = this.#mailbox.listen(signal, () => this.#presence.streamLost());
    this.#presence.streamOpened();
    return { kind: 'events', status: 200, events, sessionId: null };
  }

  async #notify(frame: NotificationFrame, request: UpstreamRequest): Promise<UpstreamReply> {
    await this.#channel.send(frame, request);
    if (frame.method === 'notifications/cancelled') {
      const call = this.#calls.find(paramOf(frame, 'requestId'));
      // The server owes no answer any more (2025-11-25, Cancellation), so the reply ends here.
      if (call !== undefined && call !== this.#opening) {
        this.#calls.giveUp(call);
        call.endUnanswered();
      }
    }
    return empty(202);
  }

  async #respond(frame: ResponseFrame, request: UpstreamRequest): Promise<UpstreamReply> {
    const key = frame.id === null ? '' : idKey(frame.id);
    // Before it is sent, so that nobody answers a second time meanwhile.
    if (!this.#asked.delete(key)) {
      throw new ResponseUnexpected('the server waits for no answer with this id');
    }
    try {
      await this.#channel.send(frame, request);
    } catch (thrown) {
      this.#asked.add(key);
      throw thrown;
    }
    this.#calls.touchAll(performance.now());
    return empty(202);
  }

  #onFrame(frame: Frame): void {
    if (frame.kind === 'response') {
      this.#onAnswer(frame);
      return;
    }
    if (frame.kind === 'request') this.#remember(frame);
    if (frame.kind === 'notification' && frame.method === 'notifications/progress') {
      const call = this.#calls.byProgress(frame);
      if (call?.wanted === true) call.send(frame.bytes);
      else this.#channel.dropped('progress of a call that nobody waits for');
      return;
    }
    // The reply to initialize stays plain: the client knows no session yet.
    this.#mailbox.post(frame.bytes, () => (this.#opening === null ? this.#calls.all() : []));
  }

  #onAnswer(frame: ResponseFrame): void {
    const call = frame.id === null ? undefined : this.#calls.take(frame.id);
    this.#presence.touch();
    if (call === undefined || !call.wanted) {
      this.#channel.dropped('an answer that nobody waits for');
      return;
    }
    if (call !== this.#opening) {
      call.answer(frame);
      return;
    }
    this.#opening = null;
    const refused = 'error' in frame.outcome;
    if (refused) call.sessionId = null;
    else this.#presence.opened();
    call.answer(frame);
    if (refused) this.end('its server refused to initialize');
  }

  #remember(frame: RequestFrame): void {
    this.#asked.add(idKey(frame.id));
    const [oldest] = this.#asked;
    const max = this.#context.server.limits.maxInFlightPerSession;
    if (this.#asked.size > max && oldest !== undefined) this.#asked.delete(oldest);
  }

  #timeOut(call: Call, error: PosternError): void {
    this.#calls.giveUp(call);
    call.fail(error);
    if (call === this.#opening) {
      this.end('its server did not answer initialize', error);
      return;
    }
    // A server that does not read will not stop working for being told to.
    this.#channel.send(cancelledMessage(call.frame.id, error.message)).catch(() => undefined);
  }

  #notSent(call: Call, error: PosternError): void {
    // It may be answered, or over, before its sending failed.
    if (this.#calls.find(call.frame.id) !== call) return;
    // Where the connection was lost, nobody knows whether the server has it and answers yet.
    const unsure = error instanceof UpstreamUnavailable;
    // Some servers acknowledge a call when it is done: how long that may take, its own clock says.
    if (error instanceof UpstreamTimeout) return;
    if (call === this.#opening) {
      this.end('initialize could not be sent', error);
      return;
    }
    if (unsure) this.#calls.giveUp(call);
    else this.#calls.take(call.frame.id);
    call.fail(error);
  }
}

function empty(status: number): EmptyReply {
  return { kind: 'empty', status, sessionId: null };
}

function sessionOver(reason: string): PosternError {
  return new UpstreamUnavailable(`the session is over: ${reason}`);
}
