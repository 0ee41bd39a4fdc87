const EMPTY = Buffer.alloc(0);

/**
 * Joins chunks into one buffer. A single chunk is handed out as it came; more are copied into a
 * buffer that is as long as was said, or doubles, so that a peer who sends single bytes costs neither quadratic time nor one
 * object for each of them.
 */
export class Gather {
  #bytes: Buffer = EMPTY;
  #length = 0;
  #owned = false;

  get length(): number {
    return this.#length;
  }

  /** Makes room for so many bytes, where that is known before the first of them: each is copied once. */
  expect(length: number): void {
    this.#bytes = Buffer.allocUnsafe(length);
    this.#owned = true;
  }

  append(chunk: Buffer): void {
    if (this.#length === 0 && !this.#owned) {
      this.#bytes = chunk;
      this.#length = chunk.length;
      return;
    }
    const needed = this.#length + chunk.length;
    if (!this.#owned || needed > this.#bytes.length) this.#grow(needed);
    chunk.copy(this.#bytes, this.#length);
    this.#length = needed;
  }

  /** As {@link append}, for a chunk that may be overwritten afterwards. */
  copy(chunk: Buffer): void {
    if (this.#length === 0 && !this.#owned) this.expect(chunk.length);
    this.append(chunk);
  }

  /** The first bytes, at most `limit` of them: a view, which the next append may outdate. */
  first(limit: number = this.#length): Buffer {
    return this.#bytes.subarray(0, Math.min(limit, this.#length));
  }

  /** Everything appended since the last take. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#bytes = EMPTY;
    this.#length = 0;
    this.#owned = false;
    return taken;
  }

  #grow(needed: number): void {
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#length * 2));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
    this.#owned = true;
  }
}
