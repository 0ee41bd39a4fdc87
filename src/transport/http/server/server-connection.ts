import type { Socket } from 'node:net';
import type { Deadline } from '#lib';
import { Gather, startDeadline } from '#lib';
import { MalformedMessage, TooLongMessage, TunnelWanted } from '../wire/malformed.ts';
import type { RequestHead } from '../wire/request-head.ts';
import type { RequestParts } from '../wire/request-parser.ts';
import { RequestParser } from '../wire/request-parser.ts';
import type { ExchangeHost } from './http-exchange.ts';
import { HttpExchange } from './http-exchange.ts';

/** Bounds of {@link ServerConnection}. */
export interface ServerLimits {
  readonly maxHeaderBytes: number;
  /** From the first byte of a request, or of the connection, to the end of the head. */
  readonly headersTimeoutMs: number;
  /** From the first byte of a request to its last. */
  readonly requestTimeoutMs: number;
  /** Between a response and the next request. */
  readonly keepAliveTimeoutMs: number;
  /** For a client that reads nothing of what waits for it. */
  readonly slowReaderTimeoutMs: number;
}

/** Why a request never became an exchange, or came to an end amid its body. */
export interface RequestFault {
  readonly kind: 'malformed' | 'head_too_long' | 'too_slow' | 'tunnel';
  readonly reason: string;
}

/** What {@link ServerConnection} works with. */
export interface ServerOptions {
  readonly limits: ServerLimits;
  /** Called with each request once its head is here. */
  readonly onExchange: (exchange: HttpExchange) => void;
  /** @returns the whole response with which the connection ends, if it can take one. */
  readonly onFault: (fault: RequestFault, socket: Socket) => Buffer;
}

/** How long what follows a last answer is read and dropped: closing with unread bytes takes it back. */
const LINGER_MS = 1000;
/** Of what a client sends ahead so much is read; the rest waits where it is. */
const MAX_HELD_BYTES = 16 * 1024;
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';

/**
 * An HTTP/1.1 server on one socket: one exchange at a time (RFC 9112). What a client sends ahead waits
 * for its turn.
 */
export class ServerConnection implements ExchangeHost, RequestParts {
  readonly socket: Socket;
  readonly #options: ServerOptions;
  readonly #parser: RequestParser;
  #exchange: HttpExchange | null = null;
  /** Came ahead of its turn. */
  readonly #held = new Gather();
  /** For what is waited for: a request, its head, or the end of the connection. */
  #deadline: Deadline | null = null;
  #requestDeadline: Deadline | null = null;
  #readerDeadline: Deadline | null = null;
  #isNew = true;
  #isDraining = false;
  #isEnding = false;

  /** @param socket that nobody else reads from or writes to. */
  constructor(socket: Socket, options: ServerOptions) {
    this.socket = socket;
    this.#options = options;
    this.#parser = new RequestParser(this, options.limits.maxHeaderBytes);
    socket.on('data', (bytes: Buffer) => this.#take(bytes));
    socket.on('drain', () => this.#onDrain());
    socket.on('end', () => this.#onEnd());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#onClose());
    this.#wait(options.limits.headersTimeoutMs, this.#onSlowHead);
  }

  get keepAliveMs(): number {
    return this.#options.limits.keepAliveTimeoutMs;
  }

  /**
   * Lets it end after the request that is here or on its way; at once without one. Of a new connection
   * the first one is on its way, even if nothing of it has come.
   */
  drain(): void {
    this.#isDraining = true;
    if (this.#exchange !== null) this.#exchange.endConnection();
    else if (!this.#isNew && !this.#parser.isAmid) this.#finish();
  }

  onHead(head: RequestHead): void {
    this.#stopWaiting();
    this.#isNew = false;
    const exchange = new HttpExchange(head, this);
    if (this.#isDraining) exchange.endConnection();
    this.#exchange = exchange;
    const { expect } = head.headers;
    if (head.isOld || expect === undefined || expect.toLowerCase() === '100-continue') {
      this.#options.onExchange(exchange);
    } else {
      exchange.respond(417, {}, null);
    }
  }

  onData(chunk: Buffer): void {
    this.#exchange?.body.push(chunk);
  }

  onEnd(): void {
    this.#requestDeadline?.clear();
    this.#requestDeadline = null;
    this.#exchange?.body.end();
    if (this.#exchange?.wasSent === true) this.#complete(this.#exchange);
  }

  onBodyWanted(): void {
    if (this.#exchange?.awaitsContinue === true) this.socket.write(CONTINUE, 'latin1');
    this.socket.resume();
  }

  onBodyHeld(): void {
    this.socket.pause();
  }

  onResponded(): void {
    this.watchReader();
    if (this.#exchange === null || this.#exchange.isWhole) return;
    this.#exchange.body.drop();
    if (!this.#exchange.keepsAlive) this.#wait(LINGER_MS, this.#onLingered);
  }

  watchReader(): void {
    this.#readerDeadline?.clear();
    this.#readerDeadline = startDeadline(this.#options.limits.slowReaderTimeoutMs, this.#destroy);
  }

  readonly onWritten = (error?: Error | null): void => {
    // What is lost ends in 'close'.
    if (this.#exchange === null || (error !== undefined && error !== null)) return;
    this.#stopWatchingReader();
    const exchange = this.#exchange;
    exchange.close(true);
    if (exchange.isWhole) this.#complete(exchange);
  };

  #take(bytes: Buffer): void {
    if (this.#isEnding) return;
    if (this.#exchange?.isWhole === true) this.#hold(bytes);
    else this.#parse(bytes);
  }

  #hold(bytes: Buffer): void {
    this.#held.append(bytes);
    if (this.#held.length > MAX_HELD_BYTES) this.socket.pause();
  }

  #parse(bytes: Buffer): void {
    try {
      const taken = this.#parser.push(bytes);
      if (taken < bytes.length && !this.#isEnding) this.#hold(bytes.subarray(taken));
    } catch (thrown) {
      if (!(thrown instanceof MalformedMessage)) throw thrown;
      this.#refuse({ kind: this.#kindOf(thrown), reason: thrown.message });
      return;
    }
    if (!this.#parser.isAmid || this.#requestDeadline !== null || this.#isEnding) return;
    const { headersTimeoutMs, requestTimeoutMs } = this.#options.limits;
    this.#requestDeadline = startDeadline(requestTimeoutMs, this.#onSlowRequest);
    if (this.#exchange === null) this.#wait(headersTimeoutMs, this.#onSlowHead);
  }

  #kindOf(error: MalformedMessage): RequestFault['kind'] {
    if (error instanceof TunnelWanted) return 'tunnel';
    return error instanceof TooLongMessage && this.#exchange === null
      ? 'head_too_long'
      : 'malformed';
  }

  /** Ends the connection with what is answered, unless another answer is on its way. */
  #refuse(fault: RequestFault): void {
    const exchange = this.#exchange;
    if (exchange?.hasResponded === true) {
      this.#finish();
      return;
    }
    const answer = this.#options.onFault(fault, this.socket);
    this.#exchange = null;
    if (exchange?.hasBegun === true || !this.socket.writable) this.socket.destroy();
    else this.#finish(answer);
    exchange?.close(false);
  }

  #complete(exchange: HttpExchange): void {
    this.#exchange = null;
    if (!exchange.keepsAlive || this.#isDraining) this.#finish();
    else this.#rest();
  }

  /** Goes on with what was sent ahead, or waits for the next request. */
  #rest(): void {
    if (this.socket.isPaused()) this.socket.resume();
    if (this.#held.length > 0) this.#parse(this.#held.take());
    if (this.#exchange !== null || this.#parser.isAmid || this.#isEnding) return;
    this.#wait(this.keepAliveMs, this.#onIdle);
  }

  /** Ends the connection in order, behind what was written. */
  #finish(last?: Buffer): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#held.take();
    this.#requestDeadline?.clear();
    this.#wait(LINGER_MS, this.#destroy);
    if (last === undefined) this.socket.end();
    else this.socket.end(last);
    this.socket.resume();
  }

  #onDrain(): void {
    // The end of a response is watched until it has left.
    if (this.#exchange?.hasResponded === true) return;
    this.#stopWatchingReader();
    this.#exchange?.drain();
  }

  /** Who closes its side gives up what it has asked for: in MCP that is how a call is cancelled. */
  #onEnd(): void {
    if (this.#isEnding) return;
    const isWhole = this.#exchange === null ? !this.#parser.isAmid : this.#exchange.isWhole;
    if (isWhole) this.socket.end();
    else this.#refuse({ kind: 'malformed', reason: 'it ended before it was whole' });
  }

  #onClose(): void {
    this.#isEnding = true;
    this.#stopWaiting();
    this.#requestDeadline?.clear();
    this.#stopWatchingReader();
    const exchange = this.#exchange;
    this.#exchange = null;
    exchange?.close(false);
  }

  #wait(ms: number, onOver: () => void): void {
    this.#deadline?.clear();
    this.#deadline = startDeadline(ms, onOver);
  }

  #stopWaiting(): void {
    this.#deadline?.clear();
    this.#deadline = null;
  }

  #stopWatchingReader(): void {
    this.#readerDeadline?.clear();
    this.#readerDeadline = null;
  }

  readonly #onSlowHead = (): void => {
    this.#refuse({ kind: 'too_slow', reason: 'its head did not come in time' });
  };

  readonly #onSlowRequest = (): void => {
    this.#refuse({ kind: 'too_slow', reason: 'it did not come whole in time' });
  };

  readonly #onIdle = (): void => this.#finish();

  readonly #destroy = (): void => {
    this.socket.destroy();
  };

  /** A client that has not read its answer yet has more time. */
  readonly #onLingered = (): void => {
    if (this.#exchange?.wasSent === true) this.#finish();
    else this.#wait(LINGER_MS, this.#onLingered);
  };
}
