import type { Writable } from 'node:stream';

const NEWLINE = Buffer.from('\n');
const JOIN_UP_TO = 64 * 1024;

/** Writes lines to a child's stdin: whatever comes within one turn of the event loop goes out at once. */
export class InputQueue {
  readonly #stream: Writable;
  readonly #maxBytes: number;
  #queued: Buffer[] = [];
  #bytes = 0;
  #scheduled = false;
  #ended = false;

  /** @param maxBytes bytes that may wait for the child to read; one line may always wait */
  constructor(stream: Writable, maxBytes: number) {
    this.#stream = stream;
    this.#maxBytes = maxBytes;
  }

  /** @returns false when the line was not taken because too much is waiting already. */
  write(line: Buffer): boolean {
    if (this.#ended) return false;
    const waiting = this.#bytes + this.#stream.writableLength;
    if (waiting > 0 && waiting + line.length > this.#maxBytes) return false;
    this.#queued.push(line, NEWLINE);
    this.#bytes += line.length + 1;
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.#flush());
    }
    return true;
  }

  /** Closes stdin after what is queued. */
  end(): void {
    if (this.#ended) return;
    this.#flush();
    this.#ended = true;
    this.#stream.end();
  }

  #flush(): void {
    this.#scheduled = false;
    const queued = this.#queued;
    const bytes = this.#bytes;
    this.#queued = [];
    this.#bytes = 0;
    if (queued.length === 0 || this.#stream.destroyed) return;
    if (bytes <= JOIN_UP_TO) {
      this.#stream.write(Buffer.concat(queued, bytes));
      return;
    }
    this.#stream.cork();
    for (const buffer of queued) this.#stream.write(buffer);
    this.#stream.uncork();
  }
}
