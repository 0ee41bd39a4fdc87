import type { Socket } from 'node:net';
import { MalformedMessage } from './malformed.ts';
import type { WireRequest } from './request-bytes.ts';
import { requestBytes } from './request-bytes.ts';
import type { ResponseParts } from './response-parser.ts';
import { ResponseParser } from './response-parser.ts';
import type { SocketReads } from './socket-reads.ts';
import type { WireHead } from './wire-head.ts';

/** The connection ended before the response did. */
export class ConnectionEnded extends Error {
  override readonly name = 'ConnectionEnded';
}

/** Nothing came for as long as a request waits. */
export class SilentConnection extends Error {
  override readonly name = 'SilentConnection';
}

/** Hears of one response; pieces of its body are there during the call alone. After `onEnd`, `onUnsent` or `onError` it hears nothing more. */
export interface ResponseReader extends ResponseParts {
  /** The connection was gone before anything was sent. */
  onUnsent(): void;
  /**
   * @param error MalformedMessage, ConnectionEnded, SilentConnection, what the socket said, what the
   *   reader threw, or what was given to {@link HttpConnection.abort}.
   */
  onError(error: Error): void;
}

interface HttpConnectionOptions {
  /** As the URL has it. */
  readonly host: string;
  readonly maxHeaderBytes: number;
  /** So long a request waits for the next bytes, unless it is long-lived. */
  readonly silenceMs: number;
  /** Between two requests; the server may want less (`Keep-Alive: timeout`). */
  readonly keepAliveMs: number;
}

/** A request of which the silence of the server may be part. */
type Request = WireRequest & { readonly longLived: boolean };

/** One exchange on its way. */
interface Exchange {
  readonly reader: ResponseReader;
  readonly parser: ResponseParser;
  readonly longLived: boolean;
  /** Whether the request was written. */
  sent: boolean;
  keepAlive: boolean;
}

/** Before the server's own time is over, so that no request crosses its goodbye. */
const KEEP_ALIVE_MARGIN_MS = 1500;
const KEEP_ALIVE_TIMEOUT = /(?:^|[,\s])timeout=(\d{1,6})(?:$|[,\s])/i;

/**
 * An HTTP/1.1 client on one socket, one exchange at a time (RFC 9112, without pipelining). Bytes that
 * nobody asked for end the connection.
 */
export class HttpConnection implements ResponseParts {
  readonly #socket: Socket;
  readonly #options: HttpConnectionOptions;
  /** Both timers run on, and ask when they end whether they still matter: cheaper than to stop them. */
  readonly #silence: NodeJS.Timeout;
  #idle: { readonly ms: number; readonly timer: NodeJS.Timeout } | null = null;
  #idleMs: number;
  #exchange: Exchange | null = null;
  #isNew = true;

  /**
   * @param socket that nobody else reads from or writes to.
   * @param reads what it was connected with.
   */
  constructor(socket: Socket, reads: SocketReads, options: HttpConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#idleMs = options.keepAliveMs;
    this.#silence = setTimeout(() => this.#onSilence(), options.silenceMs).unref();
    reads.listen((bytes) => this.#onData(bytes));
    socket.on('end', () => this.#onEnd());
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#onClose());
    this.#rest();
  }

  /** Whether its reader has paused it. */
  get paused(): boolean {
    return this.#socket.isPaused();
  }

  /**
   * Sends a request and reads the response to it.
   *
   * @throws TypeError for a request that cannot be sent.
   */
  send(request: Request, reader: ResponseReader): void {
    if (this.#exchange !== null) throw new Error('the connection is busy');
    const pieces = requestBytes(this.#options.host, request);
    const parser = new ResponseParser(this, this.#options.maxHeaderBytes);
    const { longLived } = request;
    const exchange = { reader, parser, longLived, sent: false, keepAlive: false };
    this.#exchange = exchange;
    if (this.#isNew) this.#write(exchange, pieces);
    // What has come meanwhile on an idle connection is seen first: its end, or bytes that would
    // otherwise be taken for the response.
    else setImmediate(() => this.#write(exchange, pieces));
    this.#isNew = false;
  }

  /** Stops reading until {@link resume}: the server has to wait. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#silence.refresh();
    this.#socket.resume();
  }

  /** Ends the exchange, if there is one, and the connection. */
  abort(reason: Error): void {
    const exchange = this.#take();
    this.#socket.destroy();
    exchange?.reader.onError(reason);
  }

  onHead(head: WireHead): void {
    const exchange = this.#exchange;
    if (exchange === null) return;
    exchange.keepAlive = head.keepAlive;
    this.#idleMs = Math.min(this.#options.keepAliveMs, wantedIdleMs(head));
    exchange.reader.onHead(head);
  }

  onData(chunk: Buffer): void {
    this.#exchange?.reader.onData(chunk);
  }

  onEnd(): void {
    // The exchange is over once it is known that nothing follows.
  }

  #write(exchange: Exchange, pieces: readonly Buffer[]): void {
    if (this.#exchange !== exchange) return;
    // A server that has answered without taking all of a request may take the rest for this one.
    if (!this.#socket.writable || this.#socket.writableNeedDrain) {
      this.#fail(new ConnectionEnded('it takes no request'));
      return;
    }
    exchange.sent = true;
    this.#silence.refresh();
    if (pieces.length > 1) this.#socket.cork();
    for (const piece of pieces) this.#socket.write(piece);
    if (pieces.length > 1) this.#socket.uncork();
  }

  #onData(bytes: Buffer): void {
    const exchange = this.#exchange;
    if (exchange === null || !exchange.sent) {
      this.#fail(new MalformedMessage('bytes came that nobody asked for'));
      return;
    }
    this.#silence.refresh();
    try {
      exchange.parser.push(bytes);
    } catch (thrown) {
      this.#fail(thrown as Error);
      return;
    }
    if (exchange.parser.isOver) this.#complete(exchange);
  }

  /** The server has ended its side, and with it perhaps the response. */
  #onEnd(): void {
    const exchange = this.#exchange;
    if (exchange !== null && exchange.parser.end()) this.#complete(exchange);
    else this.#fail(new ConnectionEnded('the server closed it'));
  }

  #onClose(): void {
    clearTimeout(this.#silence);
    clearTimeout(this.#idle?.timer);
    this.#fail(new ConnectionEnded('it is closed'));
  }

  #onSilence(): void {
    // A paused connection is silent because its reader wants it so.
    if (this.#exchange === null || this.#exchange.longLived || this.paused) return;
    this.#fail(new SilentConnection('nothing came within the limit'));
  }

  #complete(exchange: Exchange): void {
    // Its reader may have ended it.
    if (this.#exchange !== exchange) return;
    this.#take();
    if (exchange.keepAlive && this.#idleMs > 0) this.#rest();
    else this.#socket.destroy();
    exchange.reader.onEnd();
  }

  #fail(error: Error): void {
    const exchange = this.#take();
    this.#socket.destroy();
    if (exchange?.sent === false) exchange.reader.onUnsent();
    else exchange?.reader.onError(error);
  }

  /** Waits for the next request; when none comes, the connection ends. */
  #rest(): void {
    this.#socket.resume();
    const ms = this.#idleMs;
    if (this.#idle?.ms === ms) {
      this.#idle.timer.refresh();
      return;
    }
    clearTimeout(this.#idle?.timer);
    const timer = setTimeout(() => {
      if (this.#exchange === null) this.#socket.destroy();
    }, ms).unref();
    this.#idle = { ms, timer };
  }

  #take(): Exchange | null {
    const exchange = this.#exchange;
    this.#exchange = null;
    return exchange;
  }
}

/** How long the server says that it keeps an idle connection, less a margin; Infinity without a word. */
function wantedIdleMs({ headers }: WireHead): number {
  const seconds = KEEP_ALIVE_TIMEOUT.exec(String(headers['keep-alive'] ?? ''))?.[1];
  if (seconds === undefined) return Infinity;
  return Math.max(0, Number(seconds) * 1000 - KEEP_ALIVE_MARGIN_MS);
}
