import { LineReader } from './line-reader.ts';

const HEAD_END = Buffer.from('\r\n\r\n');

/** Gathers the head of a message, which may come in pieces. */
export class HeadReader {
  readonly #maxBytes: number;
  readonly #checkBeginning: (beginning: string) => void;
  /** `null` until a head comes in pieces. */
  #reader: LineReader | null = null;
  #lines: string[] = [];
  #bytesLeft: number;

  /**
   * @param checkBeginning throws for what no message begins with, given some of its first line, so that
   *   what is no HTTP is found before it has come whole.
   */
  constructor(maxBytes: number, checkBeginning: (beginning: string) => void) {
    this.#maxBytes = maxBytes;
    this.#checkBeginning = checkBeginning;
    this.#bytesLeft = maxBytes;
  }

  /** The head that was read last, up to and with the empty line; each character is one byte (Latin-1). */
  head = '';

  /** Whether some of a head has come, and not yet all of it. */
  get hasBegun(): boolean {
    return this.#reader !== null && (this.#lines.length > 0 || !this.#reader.isBetweenLines);
  }

  /**
   * Reads on from `at`.
   *
   * @returns index behind the head, or -1 when more has to come.
   * @throws MalformedMessage for a line that does not end with CR and LF, a head that is too long, and
   *   what `checkBeginning` throws.
   */
  read(bytes: Buffer, at: number): number {
    // Nearly every head comes in one piece.
    if (!this.hasBegun) {
      const end = bytes.indexOf(HEAD_END, at);
      const behind = end + HEAD_END.length;
      if (end !== -1 && behind - at <= this.#maxBytes) {
        this.head = bytes.toString('latin1', at, behind);
        return behind;
      }
    }
    return this.#readLines(bytes, at);
  }

  #readLines(bytes: Buffer, at: number): number {
    this.#reader ??= new LineReader();
    const reader = this.#reader;
    let next = at;
    while (next < bytes.length) {
      next = reader.read(bytes, next, this.#bytesLeft);
      const line = next === -1 ? reader.begun(BEGINNING_LENGTH) : reader.line;
      if (this.#lines.length === 0) this.#checkBeginning(line);
      if (next === -1) return -1;
      this.#bytesLeft -= line.length + 2;
      this.#lines.push(line);
      if (line !== '') continue;
      this.head = `${this.#lines.join('\r\n')}\r\n`;
      this.#lines = [];
      this.#bytesLeft = this.#maxBytes;
      return next;
    }
    return -1;
  }
}

/** Longer than the beginning of any message that is told from others by it. */
const BEGINNING_LENGTH = 32;
