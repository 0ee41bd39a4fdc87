import type { Writable } from 'node:stream';
import type { RequestHead, RequestHeaders } from '../wire/request-head.ts';
import type { BodySource } from './request-body.ts';
import { ChunkedResponse } from './chunked-response.ts';
import { RequestBody } from './request-body.ts';
import type { ResponseHeaders } from './response-head.ts';
import { responseHead } from './response-head.ts';

/** The way back to a client. */
export interface ClientSocket extends Writable {
  readonly remoteAddress?: string | undefined;
  readonly localPort?: number | undefined;
}

/** What an exchange needs of its connection. */
export interface ExchangeHost extends BodySource {
  readonly socket: ClientSocket;
  readonly keepAliveMs: number;
  /** Told by the socket when the end of a response has left, or that it is lost. */
  readonly onWritten: (error?: Error | null) => void;
  /** Cuts the connection when the client reads nothing of what waits for too long. */
  watchReader(): void;
  /** The response has been given to the socket whole. */
  onResponded(): void;
}

type State = 'open' | 'streaming' | 'responded';

const EMPTY = Buffer.alloc(0);

/** One request of a client, and the response to it. */
export class HttpExchange {
  readonly method: string;
  /** Path and query, as they were written. */
  readonly target: string;
  readonly headers: RequestHeaders;
  /** Names of header fields that came more than once; `null` when none did. */
  readonly repeated: readonly string[] | null;
  /** For its connection. */
  readonly body: RequestBody;
  readonly head: RequestHead;
  readonly #host: ExchangeHost;
  #extra: Record<string, string> | null = null;
  #onClosed: (() => void)[] | null = null;
  #onDrained: ((isThere: boolean) => void)[] | null = null;
  #keepsAlive: boolean;
  #state: State = 'open';
  #mayOutlastBody = false;
  /** A response whose body has no length that is known before. */
  #chunked: ChunkedResponse | null = null;
  #isBodiless = false;
  #isClosed = false;
  #wasSent = false;

  constructor(head: RequestHead, host: ExchangeHost) {
    this.method = head.method;
    this.target = head.target;
    this.headers = head.headers;
    this.repeated = head.repeated;
    this.head = head;
    this.#keepsAlive = head.keepAlive;
    this.#host = host;
    const { framing } = head;
    const isEmpty = framing.kind === 'none' || (framing.kind === 'length' && framing.bytes === 0);
    this.body = new RequestBody(host, isEmpty);
  }

  get socket(): ClientSocket {
    return this.#host.socket;
  }

  /** Whether the request has come whole. */
  get isWhole(): boolean {
    return this.body.isWhole;
  }

  /** Whether a response has begun. */
  get hasBegun(): boolean {
    return this.#state !== 'open';
  }

  /** Whether the response is with the socket whole. */
  get hasResponded(): boolean {
    return this.#state === 'responded';
  }

  /** Whether nobody is there any more to answer. */
  get isLost(): boolean {
    return this.#isClosed ? !this.#wasSent : this.socket.destroyed;
  }

  /** Whether nothing more can be written. */
  get isOver(): boolean {
    return this.#state === 'responded' || this.#isClosed || this.socket.destroyed;
  }

  /** Whether the response has left whole. */
  get wasSent(): boolean {
    return this.#wasSent;
  }

  /** Whether the connection takes another request after this one. */
  get keepsAlive(): boolean {
    return this.#keepsAlive;
  }

  /** Whether its client waits to be asked for the body (RFC 9110, section 10.1.1). */
  get awaitsContinue(): boolean {
    if (this.headers['expect'] === undefined || this.head.isOld) return false;
    return !this.isWhole && !this.body.hasBegun && this.#state === 'open';
  }

  /** Whether the client has yet to read what was written. */
  get needsDrain(): boolean {
    return this.socket.writableNeedDrain;
  }

  /** Lets the connection end with this exchange. */
  endConnection(): void {
    this.#keepsAlive = false;
  }

  /** Calls back once, when the response has left or the connection is lost; at once if that is so. */
  onceClosed(callback: () => void): void {
    if (this.#isClosed) {
      callback();
      return;
    }
    this.#onClosed ??= [];
    this.#onClosed.push(callback);
  }

  /**
   * Reads the body. What `take` throws ends that: the rest is left where it is.
   *
   * @throws RequestCutOff when the connection is lost first, and what `take` throws.
   */
  readBody(take: (chunk: Buffer) => void): Promise<void> {
    return this.body.read(take);
  }

  /** Reads on in the body, for whoever reads it elsewhere. */
  wantBody(): void {
    this.#host.onBodyWanted();
  }

  /** Reads no further in the body until it is wanted. */
  holdBody(): void {
    this.#host.onBodyHeld();
  }

  /** The body is read and forgotten; the connection goes on after it. */
  dropBody(): void {
    // Whoever waits to be asked for it may send it, or another request.
    if (this.awaitsContinue) return;
    this.#mayOutlastBody = true;
    this.body.drop();
  }

  /** Adds a header to the response, whatever that will be; one that is given with it comes before. */
  setHeader(name: string, value: string): void {
    this.#extra ??= {};
    this.#extra[name] = value;
  }

  /** Answers with a body that is here whole, and no longer than what is copied lightly. */
  respond(status: number, headers: ResponseHeaders, body: Buffer | null): void {
    if (this.#state !== 'open' || this.isOver) return;
    const hasLength = status !== 204 && status !== 304;
    const head = this.#headOf(status, headers, hasLength ? (body?.length ?? 0) : null, false);
    this.#state = 'responded';
    const { socket } = this;
    const { onWritten } = this.#host;
    if (body === null || this.#isBodiless) socket.write(head, 'latin1', onWritten);
    else socket.write(joined(head, body), onWritten);
    this.#host.onResponded();
  }

  /** Begins a response whose body follows, of `contentLength` bytes where that is known. */
  begin(status: number, headers: ResponseHeaders, contentLength: number | null = null): void {
    if (this.#state !== 'open' || this.isOver) return;
    const isChunked = contentLength === null && !this.head.isOld;
    // The end of the connection tells the end of the body.
    if (contentLength === null && this.head.isOld) this.endConnection();
    const head = this.#headOf(status, headers, contentLength, isChunked);
    this.#state = 'streaming';
    if (isChunked && !this.#isBodiless) {
      this.#chunked = new ChunkedResponse(this.socket, head);
    } else {
      this.#cork();
      this.socket.write(head, 'latin1');
    }
  }

  /** Writes a part of the body; `false` when the client has to read before more is written. */
  write(chunk: Buffer): boolean {
    if (this.#state !== 'streaming' || this.isOver) return false;
    if (chunk.length === 0 || this.#isBodiless) return !this.needsDrain;
    if (this.#chunked !== null) return this.#chunked.write(chunk);
    this.#cork();
    return this.socket.write(chunk);
  }

  /** Ends a response that was begun, with the last part of its body if there is one. */
  end(last: Buffer = EMPTY): void {
    this.write(last);
    if (this.#state !== 'streaming' || this.isOver) return;
    this.#state = 'responded';
    if (this.#chunked === null) this.socket.write(EMPTY, this.#host.onWritten);
    else this.#chunked.end(this.#host.onWritten);
    this.#host.onResponded();
  }

  /** Writes a part of a response that another exchange has framed; `false` as {@link write}. */
  pass(bytes: Buffer): boolean {
    if (this.#state === 'responded' || this.isOver) return false;
    this.#state = 'streaming';
    return this.socket.write(bytes);
  }

  /** Ends such a response. */
  passEnd(): void {
    if (this.#state !== 'streaming' || this.isOver) return;
    this.#state = 'responded';
    this.socket.write(EMPTY, this.#host.onWritten);
    this.#host.onResponded();
  }

  /** Whether the client is still there, once it has read what was written. */
  drained(): Promise<boolean> {
    if (this.isLost || !this.needsDrain) return Promise.resolve(!this.isLost);
    this.#host.watchReader();
    return new Promise((resolve) => {
      this.#onDrained ??= [];
      this.#onDrained.push(resolve);
    });
  }

  /** Cuts the connection, unless it has another exchange by now. */
  destroy(): void {
    if (!this.#isClosed) this.socket.destroy();
  }

  /** The client has read what was written. For the connection. */
  drain(): void {
    this.#settleDrained(true);
  }

  /** The response has left, or the connection is lost. For the connection. */
  close(wasSent: boolean): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#wasSent = wasSent;
    if (!wasSent) this.body.cutOff();
    this.#settleDrained(wasSent);
    const callbacks = this.#onClosed ?? [];
    this.#onClosed = null;
    for (const callback of callbacks) callback();
  }

  #settleDrained(isThere: boolean): void {
    const callbacks = this.#onDrained ?? [];
    this.#onDrained = null;
    for (const callback of callbacks) callback(isThere);
  }

  /** What is written in one turn leaves in one piece. */
  #cork(): void {
    const { socket } = this;
    if (socket.writableCorked > 0) return;
    socket.cork();
    process.nextTick(uncork, socket);
  }

  #headOf(
    status: number,
    headers: ResponseHeaders,
    contentLength: number | null,
    chunked: boolean,
  ): string {
    // What has not come would be taken for another request.
    if (!this.isWhole && !this.#mayOutlastBody) this.endConnection();
    this.#isBodiless = this.method === 'HEAD' || status === 204 || status === 304;
    return responseHead(status, this.#extra === null ? headers : { ...this.#extra, ...headers }, {
      contentLength,
      chunked,
      keepAliveMs: this.#keepsAlive ? this.#host.keepAliveMs : null,
    });
  }
}

/** Each write may become a TLS record and a packet. */
function joined(head: string, body: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(head.length + body.length);
  bytes.write(head, 'latin1');
  body.copy(bytes, head.length);
  return bytes;
}

function uncork(socket: ClientSocket): void {
  socket.uncork();
}
