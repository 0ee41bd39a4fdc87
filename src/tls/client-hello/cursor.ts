/** What the cursors over one message found; they share one of these. */
export interface Findings {
  /** What was wrong first. From then on every read gives zeros and empty vectors. */
  problem: string | null;
  /** A GREASE value was met and dropped. */
  grease: boolean;
}

/**
 * Reads TLS presentation language (RFC 8446 §3) within fixed bounds. It never throws: a read that
 * does not fit is noted in {@link Findings}, so that callers check once, at the end.
 */
export class Cursor {
  readonly findings: Findings;
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;

  constructor(bytes: Buffer, findings: Findings, start = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.findings = findings;
    this.#at = start;
    this.#end = end;
  }

  /** Bytes left. */
  get length(): number {
    return this.#end - this.#at;
  }

  /** True while bytes are left and nothing is wrong: the condition of every loop over a vector. */
  hasMore(): boolean {
    return this.#at < this.#end && this.findings.problem === null;
  }

  u8(what: string): number {
    const at = this.#advance(1, what);
    return at === null ? 0 : (this.#bytes[at] ?? 0);
  }

  u16(what: string): number {
    return this.u8(what) * 256 + this.u8(what);
  }

  skip(count: number, what: string): void {
    this.#advance(count, what);
  }

  /** The contents of a vector whose length is one byte. */
  vector8(what: string): Cursor {
    return this.#vector(this.u8(what), what);
  }

  /** The contents of a vector whose length is two bytes. */
  vector16(what: string): Cursor {
    return this.#vector(this.u16(what), what);
  }

  /** The bytes left, one character each. */
  latin1(): string {
    return this.#bytes.toString('latin1', this.#at, this.#end);
  }

  /** Notes a problem if bytes are left. */
  finish(what: string): void {
    if (this.length > 0) this.fail(`${what} has trailing bytes`);
  }

  /** Notes a problem, unless there is one. */
  fail(problem: string): void {
    this.findings.problem ??= problem;
  }

  #vector(length: number, what: string): Cursor {
    const start = this.#advance(length, what) ?? this.#end;
    // After a problem `length` is zero, or the advance failed: either way the vector is empty.
    const end = this.findings.problem === null ? start + length : start;
    return new Cursor(this.#bytes, this.findings, start, end);
  }

  /** Where the next `count` bytes start, which are then behind the cursor. */
  #advance(count: number, what: string): number | null {
    const start = this.#at;
    if (this.findings.problem !== null) return null;
    if (count > this.#end - start) {
      this.fail(`${what} is cut short`);
      return null;
    }
    this.#at = start + count;
    return start;
  }
}
