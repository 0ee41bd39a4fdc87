import type { LinkSecurity } from '#crypto';
import type { Deadline, Limits, PosternError } from '#lib';
import type { Frame } from '#mcp';
import { formatBytes, Gather, messageOf, startDeadline, toPosternError } from '#lib';
import type { IncomingHttpHeaders } from 'node:http';
import {
  CallCancelled,
  UpstreamMessageTooLarge,
  UpstreamProtocolError,
  UpstreamTimeout,
} from '../errors.ts';
import { readMessage } from '../message.ts';
import type { SseEvent } from '../sse-event.ts';
import type { StreamEvent, UpstreamReply, UpstreamRequest } from '../upstream.ts';
import { EventStream } from './event-stream.ts';
import { exchangeFailure } from './exchange-errors.ts';
import type { Connection } from './pool.ts';
import type { ResponseHead } from './response-head.ts';
import type { ServerLabel } from './server-label.ts';
import type { ResponseReader } from './wire/http-connection.ts';
import type { WireHead } from './wire/wire-head.ts';

/** One HTTP exchange to make. */
export interface ExchangePlan {
  readonly httpMethod: UpstreamRequest['httpMethod'];
  /** Judges the response by its head; throws when it is not what was asked for. */
  readonly readHead: (status: number, headers: IncomingHttpHeaders) => ResponseHead;
  /** Which events of a stream its reader gets, and how. */
  readonly passEvent: (event: SseEvent) => StreamEvent | null;
  readonly path: string;
  /** Made when the exchange is sent, which may be long after it was planned. */
  readonly headers: () => string[];
  readonly body: Buffer | null;
  /** It may stay silent and last as long as it wants. */
  readonly longLived: boolean;
  readonly signal: AbortSignal;
  readonly onLink: (link: LinkSecurity) => void;
  /** For messages. */
  readonly server: ServerLabel;
  readonly limits: Pick<
    Limits,
    | 'callMaxMs'
    | 'maxJsonDepth'
    | 'maxJsonKeyBytes'
    | 'maxJsonKeys'
    | 'maxJsonNumberBytes'
    | 'maxMessageBytes'
    | 'sseBufferBytes'
    | 'upstreamIdleTimeoutMs'
  >;
}

/** Follows an exchange. */
export interface ExchangeWatcher {
  /** The head of the response has come. */
  onHead(status: number, headers: IncomingHttpHeaders): void;
  onFailed(error: PosternError): void;
  /** Called once, when the connection is free or gone; for a stream that is later than the reply. */
  onOver(): void;
}

/** What came of an exchange: its reply, or that not a byte of it was sent. */
type Outcome = UpstreamReply | 'unsent';

/** More of a body that nobody wants is not worth reading for the sake of the connection. */
const MAX_IGNORED_BYTES = 64 * 1024;

/**
 * Carries one exchange over a connection.
 *
 * @throws PosternError of this room; from the events too, when the upstream fails amid a stream.
 */
export function carry(
  connection: Connection,
  plan: ExchangePlan,
  watcher: ExchangeWatcher,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    plan.onLink(connection.link);
    new Exchange(connection, plan, { resolve, reject, watcher }).start();
  });
}

/** What the gateway proves about itself on a connection goes with the first request there. */
function headersFor({ reused, greeting }: Connection, plan: ExchangePlan): string[] {
  return reused ? plan.headers() : [...plan.headers(), ...greeting];
}

interface Callbacks {
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (reason: PosternError) => void;
  readonly watcher: ExchangeWatcher;
}

/** The connection calls it as the exchange goes on; what it throws ends the exchange and the connection. */
class Exchange implements ResponseReader {
  readonly #connection: Connection;
  readonly #plan: ExchangePlan;
  readonly #callbacks: Callbacks;
  readonly #deadline: Deadline | null;
  readonly #body = new Gather();
  readonly #onAbort = (): void => this.#cancel(goneError());
  #isOver = false;
  #head: ResponseHead | null = null;
  #ignoredBytes = 0;
  #stream: EventStream | null = null;

  constructor(connection: Connection, plan: ExchangePlan, callbacks: Callbacks) {
    this.#connection = connection;
    this.#plan = plan;
    this.#callbacks = callbacks;
    const { callMaxMs } = plan.limits;
    this.#deadline = plan.longLived
      ? null
      : startDeadline(callMaxMs, () => {
          this.#cancel(new UpstreamTimeout(`the call took longer than ${callMaxMs} ms`));
        });
  }

  start(): void {
    const { signal, path, httpMethod: method, body, longLived } = this.#plan;
    try {
      if (signal.aborted) throw goneError();
      signal.addEventListener('abort', this.#onAbort);
      const headers = headersFor(this.#connection, this.#plan);
      const request = { method, path, headers, body, longLived };
      this.#connection.http.send(request, this);
    } catch (thrown) {
      // Whether it is a new one that has proven nothing yet is not worth remembering.
      this.#connection.socket.destroy();
      this.onError(thrown as Error);
    }
  }

  onHead({ status, headers }: WireHead): void {
    const { limits, passEvent } = this.#plan;
    this.#callbacks.watcher.onHead(status, headers);
    const head = this.#plan.readHead(status, headers);
    this.#head = head;
    if (head.body === 'json') this.#expect(head.contentLength);
    if (head.body !== 'events') return;
    this.#stream = new EventStream(this.#connection.http, limits, {
      passEvent,
      onReturn: () => this.#cancel(new CallCancelled('the reader of the stream has gone')),
    });
    this.#callbacks.resolve({
      kind: 'events',
      status,
      sessionId: head.sessionId,
      events: this.#stream.events,
    });
  }

  onData(chunk: Buffer): void {
    if (this.#stream !== null) this.#stream.push(Buffer.from(chunk));
    else if (this.#head?.body === 'json') this.#collect(chunk);
    else this.#ignore(chunk);
  }

  onEnd(): void {
    if (this.#stream === null) this.#answer();
    else this.#stream.end();
    this.#finish();
  }

  onUnsent(): void {
    this.#callbacks.resolve('unsent');
    this.#finish();
  }

  onError(thrown: Error): void {
    const { failure } = this.#connection;
    const error = exchangeFailure(thrown, failure, this.#plan.server, this.#head !== null);
    this.#stream?.fail(error);
    this.#callbacks.watcher.onFailed(error);
    this.#callbacks.reject(error);
    this.#finish();
  }

  /** Closes the connection, which is how an upstream learns that nobody waits any more. */
  #cancel(reason: PosternError): void {
    if (!this.#isOver) this.#connection.http.abort(reason);
  }

  #expect(contentLength: number): void {
    if (contentLength > this.#plan.limits.maxMessageBytes) throw this.#tooLarge();
    if (contentLength > 0) this.#body.expect(contentLength);
  }

  #collect(chunk: Buffer): void {
    if (this.#body.length + chunk.length > this.#plan.limits.maxMessageBytes) {
      throw this.#tooLarge();
    }
    this.#body.copy(chunk);
  }

  #ignore(chunk: Buffer): void {
    this.#ignoredBytes += chunk.length;
    if (this.#ignoredBytes > MAX_IGNORED_BYTES) {
      throw new UpstreamProtocolError('the server sends a long text where no message belongs');
    }
  }

  #answer(): void {
    try {
      this.#callbacks.resolve(this.#reply());
    } catch (thrown) {
      // The connection is none the worse for a message that cannot be read.
      this.#callbacks.reject(toPosternError(thrown));
    }
  }

  #reply(): UpstreamReply {
    const { status = 0, sessionId = null } = this.#head ?? {};
    const body = this.#body.take();
    if (body.length === 0) return { kind: 'empty', status, sessionId };
    const frame = this.#read(body, status);
    return { kind: 'json', status, sessionId, frame };
  }

  #read(body: Buffer, status: number): Frame {
    try {
      return readMessage(body, this.#plan.limits);
    } catch (cause) {
      throw new UpstreamProtocolError(messageOf(cause), { cause, details: { status } });
    }
  }

  #finish(): void {
    this.#isOver = true;
    this.#deadline?.clear();
    this.#plan.signal.removeEventListener('abort', this.#onAbort);
    this.#callbacks.watcher.onOver();
  }

  #tooLarge(): PosternError {
    const bound = formatBytes(this.#plan.limits.maxMessageBytes);
    return new UpstreamMessageTooLarge(`the server sent a message of more than ${bound}`);
  }
}

function goneError(): PosternError {
  return new CallCancelled('the client has gone or cancelled the call');
}
