import type { MessagePort } from 'node:worker_threads';
import type { LinkSecurity } from '#crypto';
import type { ClientSocket, HttpExchange } from '#transport';
import type { Arrival } from '../listener.ts';
import { ownBytes } from './own-bytes.ts';
import { packLink } from './packed.ts';
import type { ToAnswering, ToReceiving } from './talk.ts';

/** So much of a body may be on its way before it is asked for again. */
const AHEAD_BYTES = 256 * 1024;
/** So much before it is asked for at all: whoever answers may not have admitted the request yet. */
const UNASKED_BYTES = 32 * 1024;

/** Parts of a response that have found room are told of when they are this much together. */
const TOLD_BYTES = 128 * 1024;

/** A client's connection whose requests somebody else answers. */
interface Handed {
  /** Names the connection; no other one ever: what comes late for one must not reach another. */
  readonly id: number;
  link: LinkSecurity | null;
  exchange: HttpExchange | null;
  arrival: Arrival | null;
  isOutdatedTold: boolean;
  isRefusedTold: boolean;
  takenBytes: number;
  /** Of the body, since it was asked for last. */
  aheadBytes: number;
  /** How much that may be. */
  allowedBytes: number;
  /** Pieces of the body that are told of with the request, or in this turn. */
  pieces: Buffer[];
  isHeadTold: boolean;
  isTelling: boolean;
  isReading: boolean;
  /** It is waited for the client to read what it was written. */
  isDraining: boolean;
}

/**
 * Answers a request whose other thread has died before it did.
 *
 * @param wasTold whether that thread knew of it, and may have carried it out.
 */
type OnLost = (exchange: HttpExchange, wasTold: boolean) => void;

/**
 * Has requests answered by another thread, which gets them read and gives back the bytes of responses.
 * Their connections stay here.
 */
export class Handover {
  readonly #port: MessagePort;
  readonly #onLost: OnLost;
  readonly #handed = new Map<number, Handed>();
  #lastId = 0;
  readonly #bySocket = new WeakMap<ClientSocket, Handed>();
  #isLost = false;

  constructor(port: MessagePort, onLost: OnLost) {
    this.#port = port;
    this.#onLost = onLost;
    port.on('message', (message: ToReceiving) => this.#onMessage(message));
    port.once('close', () => this.#onClose());
    // What holds the thread is its listeners.
    port.unref();
  }

  /** Has one request answered. */
  send(exchange: HttpExchange, listener: string, arrival: Arrival): void {
    if (this.#isLost) {
      this.#onLost(exchange, false);
      return;
    }
    const handed = this.#bySocket.get(exchange.socket) ?? this.#introduce(exchange, listener);
    if (handed.link !== arrival.link) {
      handed.link = arrival.link;
      this.#tell({ kind: 'link', connection: handed.id, link: packLink(arrival.link) });
    }
    handed.exchange = exchange;
    handed.arrival = arrival;
    handed.isOutdatedTold = false;
    handed.isRefusedTold = false;
    handed.isHeadTold = false;
    handed.takenBytes = 0;
    handed.aheadBytes = 0;
    handed.allowedBytes = UNASKED_BYTES;
    handed.pieces = [];
    handed.isReading = false;
    handed.isDraining = false;
    if (!exchange.awaitsContinue) this.#readBody(handed, exchange);
    this.#tellSoon(handed);
    exchange.onceClosed(() => {
      handed.exchange = null;
      if (!handed.isHeadTold) return;
      this.#tell({ kind: 'over', connection: handed.id, wasSent: exchange.wasSent });
    });
  }

  /** Tells of connections that are to end, or whose clients are refused by now. */
  recheck(): void {
    for (const handed of this.#handed.values()) {
      const { exchange, arrival, id } = handed;
      if (exchange === null || arrival === null) continue;
      if (!handed.isOutdatedTold && arrival.isOutdated()) {
        handed.isOutdatedTold = true;
        this.#tell({ kind: 'outdated', connection: id });
      }
      if (!handed.isRefusedTold && arrival.isRefused()) {
        handed.isRefusedTold = true;
        this.#tell({ kind: 'refused', connection: id });
      }
    }
  }

  #introduce({ socket }: HttpExchange, listener: string): Handed {
    this.#lastId += 1;
    const id = this.#lastId;
    const handed: Handed = {
      id,
      link: null,
      exchange: null,
      arrival: null,
      isOutdatedTold: false,
      isRefusedTold: false,
      takenBytes: 0,
      aheadBytes: 0,
      allowedBytes: UNASKED_BYTES,
      pieces: [],
      isHeadTold: false,
      isTelling: false,
      isReading: false,
      isDraining: false,
    };
    this.#handed.set(id, handed);
    this.#bySocket.set(socket, handed);
    const { remoteAddress: address, localPort: port } = socket;
    this.#tell({ kind: 'connection', connection: id, listener, address, port });
    socket.once('close', () => {
      this.#tell({ kind: 'gone', connection: id });
      this.#handed.delete(id);
    });
    return handed;
  }

  #readBody(handed: Handed, exchange: HttpExchange): void {
    handed.isReading = true;
    const take = (chunk: Buffer): void => {
      handed.pieces.push(chunk);
      handed.aheadBytes += chunk.length;
      if (handed.aheadBytes >= handed.allowedBytes) exchange.holdBody();
      this.#tellSoon(handed);
    };
    const over = (): void => {
      if (handed.exchange === exchange && exchange.isWhole) this.#tellSoon(handed);
    };
    // What is cut off is told as the end of the exchange.
    exchange.readBody(take).then(over, () => undefined);
  }

  /** What comes in one turn is told in one message. */
  #tellSoon(handed: Handed): void {
    if (handed.isTelling) return;
    handed.isTelling = true;
    process.nextTick(() => this.#tellPieces(handed));
  }

  #tellPieces(handed: Handed): void {
    handed.isTelling = false;
    const { exchange, id } = handed;
    if (exchange === null) return;
    // Some clients do not wait for leave to send it.
    if (!handed.isReading && exchange.body.hasBegun) this.#readBody(handed, exchange);
    const { pieces } = handed;
    const bytes = pieces.length === 0 ? null : ownBytes(pieces);
    handed.pieces = [];
    const { isWhole, keepsAlive } = exchange;
    if (handed.isHeadTold) {
      if (bytes !== null || isWhole) this.#tell({ kind: 'body', connection: id, bytes, isWhole });
      return;
    }
    handed.isHeadTold = true;
    // The connection may be to end whatever the client says.
    const head = { ...exchange.head, keepAlive: keepsAlive };
    this.#tell({ kind: 'request', connection: id, head, body: bytes, isWhole });
  }

  #onMessage(message: ToReceiving): void {
    const handed = this.#handed.get(message.connection);
    const exchange = handed?.exchange;
    // Its client has gone meanwhile.
    if (handed === undefined || exchange === undefined || exchange === null) return;
    switch (message.kind) {
      case 'want':
        handed.aheadBytes = 0;
        handed.allowedBytes = AHEAD_BYTES;
        if (handed.isReading) exchange.wantBody();
        else this.#readBody(handed, exchange);
        break;
      case 'hold':
        exchange.holdBody();
        break;
      case 'part':
        this.#onPart(handed, exchange, message);
        break;
      case 'cut':
        exchange.destroy();
        break;
    }
  }

  #onPart(
    handed: Handed,
    exchange: HttpExchange,
    { bytes, end }: ToReceiving & { kind: 'part' },
  ): void {
    if (end !== null && !end.keepsAlive) exchange.endConnection();
    if (bytes !== null) {
      const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const hasRoom = exchange.pass(chunk);
      handed.takenBytes += chunk.length;
      if (end === null && !hasRoom) void this.#tellTaken(handed, exchange);
      else if (handed.takenBytes >= TOLD_BYTES) void this.#tellTaken(handed, exchange);
    }
    if (end !== null) exchange.passEnd();
  }

  async #tellTaken(handed: Handed, exchange: HttpExchange): Promise<void> {
    // Each wait gives a slow reader its time anew.
    if (handed.isDraining) return;
    handed.isDraining = true;
    const isThere = await exchange.drained();
    // Of one exchange it says nothing about the next.
    if (handed.exchange !== exchange) return;
    handed.isDraining = false;
    const bytes = handed.takenBytes;
    handed.takenBytes = 0;
    if (isThere) this.#tell({ kind: 'taken', connection: handed.id, bytes });
  }

  #tell(message: ToAnswering): void {
    if (!this.#isLost) this.#port.postMessage(message);
  }

  #onClose(): void {
    this.#isLost = true;
    for (const { exchange, isHeadTold } of this.#handed.values()) {
      if (exchange === null) continue;
      if (exchange.hasBegun) exchange.destroy();
      else this.#onLost(exchange, isHeadTold);
    }
  }
}
