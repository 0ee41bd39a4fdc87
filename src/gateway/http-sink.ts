import type { Limits } from '#lib';
import type { ReplyHead, ReplySink } from '#pipeline';
import type { HttpExchange, ResponseHeaders } from '#transport';
import { CallCancelled, SSE_HEARTBEAT } from '#transport';
import { methodsOf } from './routes.ts';

/** A client that found no room may try again after one to so many seconds, not all at once. */
const RETRY_AFTER_SECONDS = 3;

/** What an answer says is for its caller and for now; some statuses are cached unless told otherwise. */
const NO_STORE = 'no-store';

/** A body of up to this size is copied to go out with its head. */
const WHOLE_BYTES = 64 * 1024;

/**
 * More of an answer than this waits in memory only while the client reads. Each slice costs some turns:
 * four times as long a one takes two thirds of the CPU time.
 */
const SLICE_BYTES = 256 * 1024;

/** Where answers are counted that wait for their readers, by whoever gives the bytes back. */
export interface AnswerRoom {
  /** Whether there is room for so many bytes. */
  keep(bytes: number): boolean;
}

/** Writes replies to an HTTP response, at the pace that the client reads. */
export class HttpSink implements ReplySink {
  readonly #exchange: HttpExchange;
  readonly #limits: Limits;
  readonly #room: AnswerRoom | null;
  #heartbeat: NodeJS.Timeout | undefined;

  /** @param room for answers that the client does not read at once; `null` for those that are short. */
  constructor(exchange: HttpExchange, limits: Limits, room: AnswerRoom | null = null) {
    this.#exchange = exchange;
    this.#limits = limits;
    this.#room = room;
  }

  get started(): boolean {
    return this.#exchange.hasBegun;
  }

  json(status: number, head: ReplyHead, body: Buffer): void {
    const headers = this.#headersOf(status, head);
    headers['content-type'] = 'application/json';
    this.#send(status, headers, body);
  }

  /** Sends an answer that is here whole, of any kind. */
  whole(status: number, headers: ResponseHeaders, body: Buffer): void {
    this.#send(status, { ...basicHeaders(status), ...headers }, body);
  }

  empty(status: number, head: ReplyHead): void {
    this.#exchange.respond(status, this.#headersOf(status, head), null);
  }

  openEvents(head: ReplyHead): void {
    const exchange = this.#exchange;
    exchange.begin(200, {
      'content-type': 'text/event-stream',
      'cache-control': `${NO_STORE}, no-transform`,
      'x-accel-buffering': 'no',
      ...(head.sessionId === null ? {} : { 'mcp-session-id': head.sessionId }),
    });
    this.#heartbeat = setInterval(() => this.#beat(), this.#limits.heartbeatMs);
    this.#heartbeat.unref();
    exchange.onceClosed(() => clearInterval(this.#heartbeat));
  }

  event(wire: Buffer): Promise<void> {
    if (this.#exchange.isLost) return Promise.reject(gone());
    this.#heartbeat?.refresh();
    return this.#exchange.write(wire) ? Promise.resolve() : this.#drained();
  }

  endEvents(): void {
    clearInterval(this.#heartbeat);
    this.#exchange.end();
  }

  abort(): void {
    clearInterval(this.#heartbeat);
    this.#exchange.destroy();
  }

  #send(status: number, headers: ResponseHeaders, body: Buffer): void {
    if (body.length <= WHOLE_BYTES) this.#exchange.respond(status, headers, body);
    else void this.#sendLong(status, headers, body);
  }

  /** A body that may be too long to hand to the connection at once. */
  async #sendLong(status: number, headers: ResponseHeaders, body: Buffer): Promise<void> {
    const exchange = this.#exchange;
    exchange.begin(status, headers, body.length);
    let sent = 0;
    let isKept = this.#room === null;
    while (body.length - sent > SLICE_BYTES && !exchange.isOver) {
      const slice = body.subarray(sent, sent + SLICE_BYTES);
      sent += slice.length;
      if (exchange.write(slice)) continue;
      isKept ||= this.#room?.keep(body.length - sent) === true;
      if (!isKept) {
        exchange.destroy();
        return;
      }
      await exchange.drained();
    }
    exchange.end(body.subarray(sent));
  }

  #headersOf(status: number, { sessionId }: ReplyHead): Record<string, string> {
    const headers = basicHeaders(status);
    if (sessionId !== null) headers['mcp-session-id'] = sessionId;
    if (status === 405) headers['allow'] = this.#allowed();
    return headers;
  }

  /** RFC 9110 §15.5.6 asks for it. */
  #allowed(): string {
    const { method, target } = this.#exchange;
    const methods = methodsOf(target);
    // A method of the path that is refused all the same is so for the revision, or for the server.
    return methods.includes(method) ? 'POST' : methods.join(', ');
  }

  /** A stream that says nothing looks dead to middle boxes; a comment is ignored by clients. */
  #beat(): void {
    if (!this.#exchange.needsDrain) this.#exchange.write(SSE_HEARTBEAT);
  }

  async #drained(): Promise<void> {
    if (!(await this.#exchange.drained())) throw gone();
  }
}

function basicHeaders(status: number): Record<string, string> {
  const headers: Record<string, string> = { 'cache-control': NO_STORE };
  if (status === 503) {
    headers['retry-after'] = String(1 + Math.floor(Math.random() * RETRY_AFTER_SECONDS));
  }
  return headers;
}

function gone(): Error {
  return new CallCancelled('the client went away');
}
