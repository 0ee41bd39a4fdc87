import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Deadline, Limits } from '#lib';
import { startDeadline } from '#lib';
import type { ReplyHead, ReplySink } from '#pipeline';
import { CallCancelled, SSE_HEARTBEAT } from '#transport';
import { LINGER_MS } from './malformed.ts';
import { methodsOf } from './routes.ts';

/** A client that found no room may try again after one to so many seconds, not all at once. */
const RETRY_AFTER_SECONDS = 3;

/** What an answer says is for its caller and for now; some statuses are cached unless told otherwise. */
const NO_STORE = 'no-store';

/** A body up to this size goes out together with its head, in one write and TLS record. */
const ONE_WRITE_BYTES = 12 * 1024;

/** More of an answer than this waits in memory only while the client reads. */
const SLICE_BYTES = 64 * 1024;

/** Where answers are counted that wait for their readers, by whoever gives the bytes back. */
export interface AnswerRoom {
  /** Whether there is room for so many bytes. */
  keep(bytes: number): boolean;
}

/** Writes replies to an HTTP response, at the pace that the client reads. */
export class HttpSink implements ReplySink {
  readonly #response: ServerResponse;
  readonly #limits: Limits;
  readonly #room: AnswerRoom | null;
  #heartbeat: NodeJS.Timeout | undefined;
  #readerDeadline: Deadline | undefined;

  /** @param room for answers that the client does not read at once; `null` for those that are short. */
  constructor(response: ServerResponse, limits: Limits, room: AnswerRoom | null = null) {
    this.#response = response;
    this.#limits = limits;
    this.#room = room;
    response.once('close', () => {
      clearInterval(this.#heartbeat);
      this.#readerDeadline?.clear();
    });
  }

  get started(): boolean {
    return this.#response.headersSent;
  }

  json(status: number, head: ReplyHead, body: Buffer): void {
    const headers = { 'content-type': 'application/json', ...sessionHeader(head) };
    this.whole(status, { ...this.#allowHeader(status), ...headers }, body);
  }

  /** Sends an answer that is here whole, of any kind. */
  whole(status: number, headers: OutgoingHttpHeaders, body: Buffer): void {
    const { complete } = this.#response.req;
    if (!complete) this.#response.shouldKeepAlive = false;
    this.#response.writeHead(status, {
      'content-length': body.length,
      'cache-control': NO_STORE,
      ...retryHeader(status),
      ...headers,
    });
    if (complete) void this.#endWith(body);
    else this.#endEarly(body);
  }

  empty(status: number, head: ReplyHead): void {
    this.#response.writeHead(status, {
      ...(status === 204 ? {} : { 'content-length': 0 }),
      'cache-control': NO_STORE,
      ...this.#allowHeader(status),
      ...sessionHeader(head),
    });
    this.#end();
  }

  openEvents(head: ReplyHead): void {
    this.#response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': `${NO_STORE}, no-transform`,
      'x-accel-buffering': 'no',
      ...sessionHeader(head),
    });
    // The head goes out with the first event when that is here already, else alone.
    setImmediate(() => {
      if (!this.#response.destroyed) this.#response.flushHeaders();
    });
    this.#heartbeat = setInterval(() => this.#beat(), this.#limits.heartbeatMs);
    this.#heartbeat.unref();
  }

  event(wire: Buffer): Promise<void> {
    if (this.#response.destroyed) return Promise.reject(gone());
    this.#heartbeat?.refresh();
    if (this.#response.write(wire)) return Promise.resolve();
    return this.#drained();
  }

  endEvents(): void {
    clearInterval(this.#heartbeat);
    this.#end();
  }

  abort(): void {
    clearInterval(this.#heartbeat);
    this.#response.destroy();
  }

  /** Ends with a body that may be too long to hand to the connection at once. */
  async #endWith(body: Buffer): Promise<void> {
    let sent = 0;
    let isKept = this.#room === null;
    while (body.length - sent > SLICE_BYTES && !this.#response.destroyed) {
      const slice = body.subarray(sent, sent + SLICE_BYTES);
      sent += slice.length;
      if (this.#response.write(slice)) continue;
      isKept ||= this.#room?.keep(body.length - sent) === true;
      if (!isKept) {
        this.#response.destroy();
        return;
      }
      await this.#drained().catch(() => undefined);
    }
    this.#end(body.subarray(sent));
  }

  /**
   * Ends with an answer to a request that has not come whole. What is left of it is not waited for,
   * but read and dropped for a moment: the kernel takes back an answer when it closes a connection
   * with unread bytes.
   */
  #endEarly(body: Buffer): void {
    const response = this.#response;
    response.write(body);
    const end = (): void => this.#end();
    setTimeout(end, LINGER_MS).unref();
    response.req.once('end', end);
    response.req.resume();
  }

  #end(rest?: Buffer): void {
    if (this.#response.destroyed || this.#response.writableEnded) return;
    if (rest === undefined || rest.length > ONE_WRITE_BYTES) this.#response.end(rest);
    // Node joins a text to the head, but gives the connection head and buffer apart.
    else this.#response.end(rest.toString('latin1'), 'latin1');
    this.#watchReader();
  }

  /** Cuts off a reader that takes nothing for too long: it only holds memory. */
  #watchReader(): void {
    const response = this.#response;
    const watch = (): void => {
      this.#readerDeadline?.clear();
      const { slowReaderTimeoutMs } = this.#limits;
      this.#readerDeadline = startDeadline(slowReaderTimeoutMs, () => response.destroy());
    };
    // A pipelined answer has no connection until those before it are out.
    if (response.socket === null) response.once('socket', watch);
    else watch();
  }

  /** A stream that says nothing looks dead to middle boxes; a comment is ignored by clients. */
  #beat(): void {
    if (!this.#response.writableNeedDrain && !this.#response.destroyed) {
      this.#response.write(SSE_HEARTBEAT);
    }
  }

  /** RFC 9110 §15.5.6 asks for it. */
  #allowHeader(status: number): { allow?: string } {
    if (status !== 405) return {};
    const { method, url } = this.#response.req;
    const methods = methodsOf(url);
    // A method of the path that is refused all the same is so for the revision, or for the server.
    const refused = method !== undefined && methods.includes(method);
    return { allow: refused ? 'POST' : methods.join(', ') };
  }

  #drained(): Promise<void> {
    const response = this.#response;
    this.#watchReader();
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void): void => {
        this.#readerDeadline?.clear();
        response.off('drain', onDrain);
        response.off('close', onClose);
        finish();
      };
      const onDrain = (): void => settle(resolve);
      const onClose = (): void => settle(() => reject(gone()));
      response.on('drain', onDrain);
      response.on('close', onClose);
    });
  }
}

function sessionHeader(head: ReplyHead): { 'mcp-session-id'?: string } {
  return head.sessionId === null ? {} : { 'mcp-session-id': head.sessionId };
}

function retryHeader(status: number): { 'retry-after'?: string } {
  if (status !== 503) return {};
  return { 'retry-after': String(1 + Math.floor(Math.random() * RETRY_AFTER_SECONDS)) };
}

function gone(): Error {
  return new CallCancelled('the client went away');
}
