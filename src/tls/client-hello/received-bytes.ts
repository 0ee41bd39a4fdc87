const EMPTY = Buffer.alloc(0);

/**
 * Chunks joined into one buffer. A single chunk stays as it came; more are copied into a buffer that
 * doubles: a peer who sends single bytes costs neither quadratic time nor an object for each of them.
 */
export class ReceivedBytes {
  #bytes: Buffer = EMPTY;
  #length = 0;

  append(chunk: Buffer): void {
    const needed = this.#length + chunk.length;
    if (this.#length === 0) {
      this.#bytes = chunk;
    } else {
      // The first chunk is full, so the second leads to a buffer of our own.
      if (needed > this.#bytes.length) this.#grow(needed);
      chunk.copy(this.#bytes, this.#length);
    }
    this.#length = needed;
  }

  /** The first bytes, at most `limit` of them; a view. */
  first(limit: number = this.#length): Buffer {
    return this.#bytes.subarray(0, Math.min(limit, this.#length));
  }

  #grow(needed: number): void {
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#length * 2));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
