import type { PosternError } from '#lib';
import type { RequestFrame, ResponseFrame, RpcId } from '#mcp';
import { asRpcId, idKey, metaEntryOf } from '#mcp';
import { CallCancelled } from '../errors.ts';
import type { EventsReply, JsonReply, UpstreamReply } from '../upstream.ts';
import type { EventStream, EventStreams, Gate } from './event-stream.ts';

/** What a {@link Call} works with. */
export interface CallContext {
  readonly streams: EventStreams;
  readonly gate: Gate;
  readonly signal: AbortSignal;
  /** The client has gone or no longer wants the reply; called at most once, before the answer. */
  onAbandoned(call: Call): void;
}

/**
 * One request on its way through a server. Its reply is a JSON body when the answer is the first
 * message for it, and an event stream as soon as another message comes before.
 */
export class Call {
  readonly frame: RequestFrame;
  readonly key: string;
  /** Key of `_meta.progressToken`, `null` when the client wants no progress. */
  readonly token: string | null;
  readonly startedAt = performance.now();
  /** When the server last said something about it. */
  heardAt = this.startedAt;
  /** Session id to tell with the reply; for `initialize` alone. */
  sessionId: string | null = null;
  readonly #context: CallContext;
  readonly #reply = Promise.withResolvers<UpstreamReply>();
  readonly #onAbort: () => void;
  #outlet: EventStream | 'waiting' | 'closed' = 'waiting';

  constructor(frame: RequestFrame, context: CallContext) {
    this.frame = frame;
    this.key = idKey(frame.id);
    this.token = tokenKey(frame);
    this.#context = context;
    this.#onAbort = () => this.#abandon();
    context.signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  get reply(): Promise<UpstreamReply> {
    return this.#reply.promise;
  }

  /** Whether somebody still wants the answer. */
  get wanted(): boolean {
    return this.#outlet !== 'closed';
  }

  /** Passes on a message that comes before the answer. */
  send(message: Buffer): void {
    this.heardAt = performance.now();
    this.#openStream()?.push(message);
  }

  /** Passes on the answer; `status` counts while nothing was sent before. */
  answer(frame: ResponseFrame, status = 200): void {
    const outlet = this.#close();
    if (outlet === 'waiting') this.#reply.resolve(this.#jsonReply(frame, status));
    else if (outlet !== 'closed') {
      outlet.push(frame.bytes);
      outlet.end();
    }
  }

  /** Ends the reply without an answer, as an empty stream when nothing was sent. */
  endUnanswered(): void {
    this.#openStream();
    const outlet = this.#close();
    if (typeof outlet === 'object') outlet.end();
  }

  /** Ends the reply with a failure: `exchange` throws it, or the iteration of the stream. */
  fail(error: PosternError): void {
    const outlet = this.#close();
    if (outlet === 'waiting') this.#reply.reject(error);
    else if (outlet !== 'closed') outlet.end(error);
  }

  #openStream(): EventStream | null {
    if (this.#outlet === 'closed') return null;
    if (this.#outlet !== 'waiting') return this.#outlet;
    const { streams, gate } = this.#context;
    const stream = streams.open(gate, () => this.#abandon());
    this.#outlet = stream;
    this.#reply.resolve(this.#eventsReply(stream));
    return stream;
  }

  #abandon(): void {
    const outlet = this.#close();
    if (outlet === 'closed') return;
    const error = new CallCancelled('the client went away');
    if (outlet === 'waiting') this.#reply.reject(error);
    else outlet.cut(error);
    this.#context.onAbandoned(this);
  }

  #close(): EventStream | 'waiting' | 'closed' {
    const outlet = this.#outlet;
    this.#outlet = 'closed';
    this.#context.signal.removeEventListener('abort', this.#onAbort);
    return outlet;
  }

  #jsonReply(frame: ResponseFrame, status: number): JsonReply {
    return { kind: 'json', status, frame, sessionId: this.sessionId };
  }

  #eventsReply(events: EventStream): EventsReply {
    return { kind: 'events', status: 200, events, sessionId: this.sessionId };
  }
}

/** The request's progress token as a map key, `null` when it has none. */
export function tokenKey(frame: RequestFrame): string | null {
  const token: RpcId | undefined = asRpcId(metaEntryOf(frame, 'progressToken'));
  return token === undefined ? null : idKey(token);
}
