import { formatBytes, Gather } from '#lib';
import { UpstreamMessageTooLarge } from '../errors.ts';

const LF = 0x0a;
const CR = 0x0d;

/** Cuts what a child writes into lines, in linear time whatever the chunks. */
export class LineFramer {
  readonly #maxBytes: number;
  readonly #partial = new Gather();

  /** @param maxBytes longest line, without its end */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Takes the next chunk and hands out each line that it completes, without `\n` or `\r\n`; empty
   * lines are skipped.
   *
   * @throws UpstreamMessageTooLarge when a line is longer than the limit; the framer is then spent.
   */
  push(chunk: Buffer, onLine: (line: Buffer) => void): void {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(LF, start);
      if (end === -1) break;
      const line = this.#complete(chunk.subarray(start, end));
      start = end + 1;
      if (line.length > this.#maxBytes) throw this.#tooLong();
      if (line.length > 0) onLine(line);
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
  }

  #complete(rest: Buffer): Buffer {
    if (this.#partial.length === 0) return withoutCr(rest);
    this.#keep(rest);
    return withoutCr(this.#partial.take());
  }

  #keep(bytes: Buffer): void {
    // One byte more than the limit may still turn out to be the `\r` of the line's end.
    if (this.#partial.length + bytes.length > this.#maxBytes + 1) throw this.#tooLong();
    this.#partial.append(bytes);
  }

  #tooLong(): Error {
    this.#partial.take();
    return new UpstreamMessageTooLarge(
      `the server sent a message longer than ${formatBytes(this.#maxBytes)}`,
      { details: { max_bytes: this.#maxBytes } },
    );
  }
}

function withoutCr(line: Buffer): Buffer {
  return line.at(-1) === CR ? line.subarray(0, -1) : line;
}
