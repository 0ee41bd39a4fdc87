const MAX_LINE = 16;

/** Takes a chunked body apart as its bytes arrive (RFC 9112 §7.1): no extensions, no trailers. */
export class ChunkedBody {
  /** Whether the last chunk was there; no byte may follow. */
  ended = false;
  /** A size, or what comes after a chunk's data, of which not all is there. */
  #line = '';
  /** Bytes that the current chunk still has; `null` between chunks. */
  #left: number | null = null;
  /** Whether a chunk's data has ended and its CRLF has not come. */
  #closing = false;
  /** Whether the chunk of size 0 was read. */
  #last = false;

  /**
   * Takes what arrived.
   *
   * @returns the data within, in order; parts of `bytes`.
   * @throws Error for anything else than a chunked body.
   */
  push(bytes: Buffer): Buffer[] {
    const parts: Buffer[] = [];
    let at = 0;
    while (at < bytes.length) {
      if (this.ended) throw new Error('bytes after the end of the response');
      if (this.#left === null) {
        at = this.#readLine(bytes, at);
      } else {
        const part = bytes.subarray(at, at + this.#left);
        parts.push(part);
        at += part.length;
        this.#left -= part.length;
        if (this.#left === 0) [this.#left, this.#closing] = [null, true];
      }
    }
    return parts;
  }

  #readLine(bytes: Buffer, at: number): number {
    const newline = bytes.indexOf(0x0a, at);
    const end = newline === -1 ? bytes.length : newline + 1;
    this.#line += bytes.toString('latin1', at, end);
    if (this.#line.length > MAX_LINE) throw new Error('a chunk has no end');
    if (newline !== -1) {
      this.#take(this.#line);
      this.#line = '';
    }
    return end;
  }

  #take(line: string): void {
    if (this.#closing || this.#last) {
      if (line !== '\r\n') throw new Error('a chunk has no end');
      this.ended = this.#last;
      this.#closing = false;
      return;
    }
    const size = /^([\da-f]{1,6})\r\n$/i.exec(line)?.[1];
    if (size === undefined) throw new Error(`no chunk size: ${line}`);
    this.#left = Number.parseInt(size, 16);
    if (this.#left === 0) [this.#left, this.#last] = [null, true];
  }
}
