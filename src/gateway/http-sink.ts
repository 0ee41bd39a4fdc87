import type { ServerResponse } from 'node:http';
import type { Limits } from '#lib';
import type { ReplyHead, ReplySink } from '#pipeline';
import { CallCancelled, SSE_HEARTBEAT } from '#transport';

/** Writes replies to an HTTP response, at the pace that the client reads. */
export class HttpSink implements ReplySink {
  readonly #response: ServerResponse;
  readonly #limits: Limits;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(response: ServerResponse, limits: Limits) {
    this.#response = response;
    this.#limits = limits;
    response.once('close', () => clearInterval(this.#heartbeat));
  }

  get started(): boolean {
    return this.#response.headersSent;
  }

  json(status: number, head: ReplyHead, body: Buffer): void {
    this.#response.writeHead(status, {
      'content-type': 'application/json',
      'content-length': body.length,
      ...sessionHeader(head),
    });
    this.#response.end(body);
  }

  empty(status: number, head: ReplyHead): void {
    this.#response.writeHead(status, {
      ...(status === 204 ? {} : { 'content-length': 0 }),
      ...(status === 405 ? { allow: 'POST' } : {}),
      ...sessionHeader(head),
    });
    this.#response.end();
  }

  openEvents(head: ReplyHead): void {
    this.#response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
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
    this.#response.end();
  }

  abort(): void {
    clearInterval(this.#heartbeat);
    this.#response.destroy();
  }

  /** A stream that says nothing looks dead to middle boxes; a comment is ignored by clients. */
  #beat(): void {
    if (!this.#response.writableNeedDrain && !this.#response.destroyed) {
      this.#response.write(SSE_HEARTBEAT);
    }
  }

  #drained(): Promise<void> {
    const response = this.#response;
    return new Promise((resolve, reject) => {
      // A reader that takes nothing for so long only holds memory.
      const timer = setTimeout(() => response.destroy(), this.#limits.slowReaderTimeoutMs);
      const settle = (finish: () => void): void => {
        clearTimeout(timer);
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

function gone(): Error {
  return new CallCancelled('the client went away');
}
