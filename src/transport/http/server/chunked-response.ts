import type { ClientSocket } from './http-exchange.ts';

/** More than this does not wait for the end of the turn. */
const CHUNK_BYTES = 64 * 1024;
const LAST_CHUNK = '0\r\n\r\n';

/**
 * A response whose body goes in chunks (RFC 9112, section 7.1). What is written in one turn leaves as one
 * chunk, and with the head or the end if those come in the same turn: each write may become a TLS record
 * and a packet, and many small events come at once.
 */
export class ChunkedResponse {
  readonly #socket: ClientSocket;
  /** Empty once it has left. */
  #head: string;
  #parts: Buffer[] = [];
  #bytes = 0;
  #isFlushDue = false;

  constructor(socket: ClientSocket, head: string) {
    this.#socket = socket;
    this.#head = head;
    this.#flushSoon();
  }

  /** Writes a part of the body; `false` when the client has to read before more is written. */
  write(part: Buffer): boolean {
    this.#parts.push(part);
    this.#bytes += part.length;
    if (this.#bytes >= CHUNK_BYTES) return this.#socket.write(this.#take(''));
    this.#flushSoon();
    return !this.#socket.writableNeedDrain;
  }

  /** @param onWritten called when all has left, or the connection is lost. */
  end(onWritten: (error?: Error | null) => void): void {
    this.#socket.write(this.#take(LAST_CHUNK), onWritten);
  }

  #flushSoon(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    process.nextTick(flush, this);
  }

  /** Gives the socket what waits. For the end of the turn. */
  flush(): void {
    this.#isFlushDue = false;
    const isEmpty = this.#head === '' && this.#bytes === 0;
    if (!isEmpty && !this.#socket.destroyed) this.#socket.write(this.#take(''));
  }

  /** What waits, with what frames it and what follows. */
  #take(end: string): Buffer {
    const isEmpty = this.#bytes === 0;
    const before = this.#head + (isEmpty ? '' : `${this.#bytes.toString(16)}\r\n`);
    const behind = (isEmpty ? '' : '\r\n') + end;
    const taken = Buffer.allocUnsafe(before.length + this.#bytes + behind.length);
    let at = taken.write(before, 'latin1');
    for (const part of this.#parts) at += part.copy(taken, at);
    taken.write(behind, at, 'latin1');
    this.#head = '';
    this.#parts = [];
    this.#bytes = 0;
    return taken;
  }
}

function flush(response: ChunkedResponse): void {
  response.flush();
}
