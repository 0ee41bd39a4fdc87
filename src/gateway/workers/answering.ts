import { Writable } from 'node:stream';
import type { MessagePort } from 'node:worker_threads';
import type { ClientSocket, ExchangeHost } from '#transport';
import { HttpExchange } from '#transport';
import type { LinkSecurity } from '#crypto';
import type { Arrival } from '../listener.ts';
import { ownBytes } from './own-bytes.ts';
import { unpackLink } from './packed.ts';
import type { ToAnswering, ToReceiving } from './talk.ts';

/** Answers a request that came in by a listener. */
export type Answer = (listener: string, exchange: HttpExchange, arrival: Arrival) => void;

/** Of a response so much may be on its way to the thread that has the connection. */
const WINDOW_BYTES = 512 * 1024;
/** More of a body is asked for when so much has come; it is sent ahead up to twice that. */
const MORE_BYTES = 128 * 1024;

/** Answers requests whose connections another thread has. */
export class Answering {
  readonly #guests = new Map<number, Guest>();
  readonly #port: MessagePort;
  readonly #answer: Answer;
  readonly #keepAliveMs: number;

  /** @param keepAliveMs as clients are told it. */
  constructor(port: MessagePort, answer: Answer, keepAliveMs: number) {
    this.#port = port;
    this.#answer = answer;
    this.#keepAliveMs = keepAliveMs;
    port.on('message', (message: ToAnswering) => this.#onMessage(message));
    port.once('close', () => this.#onClose());
    // What holds the thread is whoever decides.
    port.unref();
  }

  #onMessage(message: ToAnswering): void {
    const { connection } = message;
    if (message.kind === 'connection') {
      const tell = (said: ToReceiving): void => this.#port.postMessage(said);
      this.#guests.set(connection, new Guest(message, tell, this.#keepAliveMs));
      return;
    }
    const guest = this.#guests.get(connection);
    if (guest === undefined) return;
    if (message.kind === 'gone') this.#guests.delete(connection);
    guest.onMessage(message, this.#answer);
  }

  #onClose(): void {
    for (const guest of this.#guests.values()) guest.leave();
    this.#guests.clear();
  }
}

/** A client's connection that another thread has, as far as answering needs it. */
class Guest implements ExchangeHost {
  readonly socket: GuestSocket;
  readonly keepAliveMs: number;
  readonly #listener: string;
  readonly #tell: (message: ToReceiving) => void;
  readonly #connection: number;
  #link: LinkSecurity | null = null;
  #exchange: HttpExchange | null = null;
  #isOutdated = false;
  #isRefused = false;
  #isBodyHeld = false;
  /** Of the body, since it was asked for last. */
  #cameBytes = 0;

  constructor(
    { connection, listener, address, port }: ToAnswering & { kind: 'connection' },
    tell: (message: ToReceiving) => void,
    keepAliveMs: number,
  ) {
    this.#connection = connection;
    this.#listener = listener;
    this.#tell = tell;
    this.keepAliveMs = keepAliveMs;
    this.socket = new GuestSocket(address, port, {
      part: (bytes, isLast) => this.#tellPart(bytes, isLast),
      cut: () => tell({ kind: 'cut', connection }),
    });
    this.socket.on('drain', () => this.#exchange?.drain());
    // What is lost ends in 'close'.
    this.socket.on('error', () => undefined);
  }

  onMessage(message: Exclude<ToAnswering, { kind: 'connection' }>, answer: Answer): void {
    switch (message.kind) {
      case 'link':
        this.#link = unpackLink(message.link);
        break;
      case 'request':
        this.#begin(message, answer);
        break;
      case 'body':
        this.#push(message.bytes, message.isWhole);
        break;
      case 'taken':
        this.socket.taken(message.bytes);
        break;
      case 'over':
        this.#end(message.wasSent);
        break;
      case 'outdated':
        this.#isOutdated = true;
        break;
      case 'refused':
        this.#isRefused = true;
        break;
      case 'gone':
        this.leave();
        break;
    }
  }

  /** The client has gone. */
  leave(): void {
    this.#end(false);
    this.socket.lost();
  }

  onBodyWanted(): void {
    this.#isBodyHeld = false;
    this.#cameBytes = 0;
    this.#tell({ kind: 'want', connection: this.#connection });
  }

  onBodyHeld(): void {
    this.#isBodyHeld = true;
    this.#tell({ kind: 'hold', connection: this.#connection });
  }

  onResponded(): void {
    this.socket.finish();
    if (this.#exchange?.isWhole === false) this.#exchange.body.drop();
  }

  /** The thread that has the connection watches. */
  watchReader(): void {}

  /** The thread that has the connection tells. */
  onWritten(): void {}

  #begin({ head, body, isWhole }: ToAnswering & { kind: 'request' }, answer: Answer): void {
    const link = this.#link;
    if (link === null) throw new Error('a request over an unknown link');
    if (this.socket.destroyed) {
      // It was cut between two requests, and nothing can be answered on it.
      this.#tell({ kind: 'cut', connection: this.#connection });
      return;
    }
    this.#isOutdated = false;
    this.#isBodyHeld = false;
    this.#cameBytes = 0;
    this.socket.begin();
    const exchange = new HttpExchange(head, this);
    this.#exchange = exchange;
    answer(this.#listener, exchange, {
      link,
      isOutdated: () => this.#isOutdated,
      isRefused: () => this.#isRefused,
      refusal: null,
    });
    this.#push(body, isWhole);
  }

  #push(bytes: Uint8Array | null, isWhole: boolean): void {
    const body = this.#exchange?.body;
    if (body === undefined || body.isWhole) return;
    if (bytes !== null) {
      this.#cameBytes += bytes.byteLength;
      body.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    }
    if (isWhole) body.end();
    else if (this.#cameBytes >= MORE_BYTES && !this.#isBodyHeld) this.onBodyWanted();
  }

  #tellPart(bytes: Uint8Array | null, isLast: boolean): void {
    const end = isLast ? { keepsAlive: this.#exchange?.keepsAlive === true } : null;
    this.#tell({ kind: 'part', connection: this.#connection, bytes, end });
  }

  #end(wasSent: boolean): void {
    const exchange = this.#exchange;
    this.#exchange = null;
    exchange?.close(wasSent);
  }
}

interface WayBack {
  readonly part: (bytes: Uint8Array | null, isLast: boolean) => void;
  readonly cut: () => void;
}

/** What is written to it goes to the thread that has the connection, one message a turn. */
class GuestSocket extends Writable implements ClientSocket {
  readonly remoteAddress: string | undefined;
  readonly localPort: number | undefined;
  readonly #back: WayBack;
  #waiting: Buffer[] = [];
  #onTheWayBytes = 0;
  #isFinishing = false;
  #isTelling = false;
  #isLost = false;
  #resume: (() => void) | null = null;

  constructor(address: string | undefined, port: number | undefined, back: WayBack) {
    super({ highWaterMark: WINDOW_BYTES, decodeStrings: true });
    this.remoteAddress = address;
    this.localPort = port;
    this.#back = back;
  }

  /** Another response may come. */
  begin(): void {
    this.#onTheWayBytes = 0;
    this.#isFinishing = false;
    this.#go();
  }

  /** The response is written whole. */
  finish(): void {
    this.#isFinishing = true;
    this.#tellSoon();
  }

  /** So many bytes have found room. */
  taken(bytes: number): void {
    this.#onTheWayBytes -= bytes;
    if (this.#onTheWayBytes < WINDOW_BYTES) this.#go();
  }

  /** Nobody is there any more. */
  lost(): void {
    this.#isLost = true;
    this.destroy();
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#take(chunk, done);
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: () => void): void {
    this.#take(Buffer.concat(chunks.map(({ chunk }) => chunk)), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#resume = null;
    this.#waiting = [];
    if (!this.#isLost) this.#back.cut();
    done(error);
  }

  #take(chunk: Buffer, done: () => void): void {
    this.#waiting.push(chunk);
    this.#onTheWayBytes += chunk.length;
    this.#tellSoon();
    if (this.#onTheWayBytes < WINDOW_BYTES) done();
    else this.#resume = done;
  }

  #go(): void {
    const resume = this.#resume;
    if (resume === null) return;
    this.#resume = null;
    resume();
    // What waited for room was the last of a response, perhaps.
    if (this.#isFinishing) this.#tellSoon();
  }

  #tellSoon(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    process.nextTick(() => this.#tellWaiting());
  }

  #tellWaiting(): void {
    this.#isTelling = false;
    if (this.destroyed) return;
    const isLast = this.#isFinishing && this.writableLength === 0 && this.writableCorked === 0;
    const chunks = this.#waiting;
    this.#waiting = [];
    const bytes = chunks.length === 0 ? null : ownBytes(chunks);
    if (bytes === null && !isLast) return;
    if (isLast) this.#isFinishing = false;
    this.#back.part(bytes, isLast);
  }
}
