import type { Limits } from '#lib';
import type { Frame, JsonObject, RequestFrame, ResponseFrame, RpcId } from '#mcp';
import { asRpcId, idKey, metaOf } from '#mcp';
import { exactParams } from '../exact.ts';
import { notificationFrame, requestFrame, resultFrame } from '../frames.ts';
import { addMeta, withoutKeys } from '../meta.ts';
import { Inbox } from './inbox.ts';
import type { ServerSession } from './server-session.ts';

/** What a server says about one request: its answer, or something on the way to it. */
type Said = { readonly kind: 'answer'; readonly frame: ResponseFrame } | Remark;

/** What a server says on the way to an answer. */
export type Remark =
  | { readonly kind: 'progress'; readonly params: JsonObject }
  | { readonly kind: 'other'; readonly frame: Frame };

/** Takes a message of a server that names no call. */
export type Router = (frame: Frame) => Promise<void> | void;

/**
 * One request at a server of the stateful era. It outlives the client's request that it began with when
 * the server asks for input, which this client brings with another request.
 */
export class ServerCall {
  readonly session: ServerSession;
  readonly #id: string;
  readonly #limits: Limits;
  readonly #onOther: Router;
  readonly #control = new AbortController();
  readonly #inbox = new Inbox<Said>();
  #pumped: Promise<void> = Promise.resolve();
  #over = false;

  /** @param onOther takes what the server says on the call's stream without naming the call. */
  constructor(session: ServerSession, limits: Limits, onOther: Router) {
    this.session = session;
    this.#limits = limits;
    this.#onOther = onOther;
    this.#id = session.nextId();
  }

  /** Sends the request; what comes of it is taken with {@link next}. */
  start(frame: RequestFrame): void {
    this.#pumped = this.#pump(requestFor(frame, this.#id));
  }

  /**
   * What the server says next, `null` when it has ended without an answer.
   *
   * @throws what the exchange ends with.
   */
  async next(): Promise<Said | null> {
    const said = await this.#inbox.take();
    if (said === null || said.kind === 'answer') this.#finish();
    return said;
  }

  /** Takes what the server said without naming the call; false when it is over, or there is no room. */
  hear(frame: Frame): boolean {
    if (this.#over) return false;
    return this.#inbox.offer({ kind: 'other', frame }, frame.bytes.length, this.#limits);
  }

  /** Answers a request of the server. @throws what the exchange meets. */
  async answer(id: RpcId, result: JsonObject): Promise<void> {
    await this.session.send(resultFrame(id, result));
  }

  /**
   * Tells the server that nobody wants the answer any more; resolves when it has been told and nothing of
   * its reply is to come.
   */
  async cancel(reason: string): Promise<void> {
    if (this.#over) return;
    this.#finish();
    const params = { requestId: this.#id, reason };
    // In this era a lost connection is no cancellation, so the server is told before it is left.
    await this.session.notify('notifications/cancelled', params).catch(() => undefined);
    this.#control.abort();
    await this.#pumped;
  }

  #finish(): void {
    this.#over = true;
    this.#inbox.close();
  }

  async #pump(frame: RequestFrame): Promise<void> {
    try {
      const { signal } = this.#control;
      const reply = await this.session.send(frame, signal);
      for await (const said of this.session.said(frame, reply, signal)) {
        const sorted = this.#sorted(said);
        if (sorted === null) await this.#onOther(said);
        else await this.#inbox.put(sorted);
      }
      this.#inbox.end();
    } catch (thrown) {
      this.#inbox.end(thrown);
    }
  }

  /** `null` for what may belong to another call. */
  #sorted(frame: Frame): Said | null {
    if (frame.kind === 'response') {
      // An HTTP error may answer without an id.
      const mine = frame.id === null || idKey(frame.id) === idKey(this.#id);
      return mine ? { kind: 'answer', frame } : null;
    }
    if (frame.kind === 'request' || frame.method !== 'notifications/progress') return null;
    const mine = asRpcId(frame.params['progressToken']) === this.#id;
    return mine ? { kind: 'progress', params: exactParams(frame) } : null;
  }
}

/** The message that tells a client of progress; `null` when it has not asked for it. */
export function progressFor(asked: RequestFrame, params: JsonObject): Frame | null {
  const token = asRpcId(metaOf(asked.params)['progressToken']);
  if (token === undefined) return null;
  return notificationFrame('notifications/progress', { ...params, progressToken: token });
}

/** A client's request as servers of the stateful era know it, with the bridge's id. */
function requestFor(frame: RequestFrame, id: string): RequestFrame {
  const { method } = frame;
  // With a task the answer would be one that no client of the other era can ask for.
  const { inputResponses: _r, requestState: _s, task: _t, ...rest } = exactParams(frame);
  const plain = withoutKeys(rest);
  const wantsProgress = metaOf(rest)['progressToken'] !== undefined;
  return requestFrame(id, method, wantsProgress ? addMeta(plain, 'progressToken', id) : plain);
}
