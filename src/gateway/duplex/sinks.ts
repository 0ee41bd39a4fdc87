import type { Limits } from '#lib';
import { parseJson } from '#lib';
import type { JsonObject, RequestFrame, ResponseFrame, RpcId } from '#mcp';
import { idKey } from '#mcp';
import type { ReplyHead, ReplySink } from '#pipeline';
import { readEvent, readMessage } from '#transport';
import type { Outbox } from './outbox.ts';

/** What the ways back of one conversation share. */
export interface Back {
  readonly outbox: Outbox;
  readonly limits: Limits;
}

/** The way back of a call that expects no answer; also the part that all of them have in common. */
export class QuietSink implements ReplySink {
  /** HTTP status with which the call was answered, `null` while it was not. */
  status: number | null = null;
  /** Session that the reply opened. */
  sessionId: string | null = null;
  /** Called when an answer begins. */
  onBegun: () => void = () => undefined;
  #started = false;

  get started(): boolean {
    return this.#started;
  }

  json(status: number, head: ReplyHead, _body: Buffer): void {
    this.#begin(status, head);
  }

  empty(status: number, head: ReplyHead): void {
    this.#begin(status, head);
  }

  openEvents(head: ReplyHead): void {
    this.#begin(200, head);
  }

  event(_wire: Buffer): Promise<void> {
    return Promise.resolve();
  }

  endEvents(): void {}

  abort(): void {}

  #begin(status: number, { sessionId }: ReplyHead): void {
    this.#started = true;
    this.status = status;
    this.sessionId = sessionId;
    this.onBegun();
  }
}

/** The way back of a stream of the session: whatever comes on it goes to the client. */
export class StreamSink extends QuietSink {
  protected readonly back: Back;
  /** Id of the last event that had one, by which what comes after it can be asked for. */
  lastEventId: string | null;
  /** Whether anything has come. */
  heard = false;

  constructor(back: Back, lastEventId: string | null = null) {
    super();
    this.back = back;
    this.lastEventId = lastEventId;
  }

  override async event(wire: Buffer): Promise<void> {
    const { message, id } = readEvent(wire, false);
    // A client that has not been sent the event must be able to ask for it again.
    if (message !== null) await this.pass(message);
    if (id !== null) this.lastEventId = id;
    this.heard = true;
  }

  /** Sends a message of the reply to the client. */
  pass(message: Buffer): Promise<void> {
    return this.back.outbox.send(message);
  }
}

/** The way back of a request. */
export class RequestSink extends StreamSink {
  readonly #id: RpcId;
  readonly #onAnswer: (answer: ResponseFrame) => void;
  #answered = false;

  /** @param onAnswer called with the answer before it goes out. */
  constructor(back: Back, { id }: RequestFrame, onAnswer: (answer: ResponseFrame) => void) {
    super(back);
    this.#id = id;
    this.#onAnswer = onAnswer;
  }

  override json(status: number, head: ReplyHead, body: Buffer): void {
    super.json(status, head, body);
    void this.pass(answering(this.#id, body));
  }

  /** Whether the answer has come. */
  get answered(): boolean {
    return this.#answered;
  }

  override pass(message: Buffer): Promise<void> {
    const frame = readMessage(message, this.back.limits);
    if (frame.kind === 'response' && frame.id !== null && idKey(frame.id) === idKey(this.#id)) {
      this.#answered = true;
      this.#onAnswer(frame);
    }
    return super.pass(message);
  }
}

/** The way back of a stream that brings the rest of the reply to a request. */
export class ResumedSink extends StreamSink {
  readonly #request: RequestSink;

  constructor(back: Back, request: RequestSink, lastEventId: string) {
    super(back, lastEventId);
    this.#request = request;
  }

  override pass(message: Buffer): Promise<void> {
    return this.#request.pass(message);
  }
}

/** An error that names no request answers the exchange that it came with; here it has to say so. */
function answering(id: RpcId, body: Buffer): Buffer {
  const message = parseJson(body.toString('utf8')) as JsonObject;
  return message['id'] === null ? Buffer.from(JSON.stringify({ ...message, id })) : body;
}
