import { Gather } from '#lib';
import { MalformedMessage, TooLongMessage } from './malformed.ts';

const CARRIAGE_RETURN = 0x0d;
const LINE_FEED = 0x0a;

/** Reads lines that end with CR and LF, which may come in pieces. */
export class LineReader {
  readonly #begun = new Gather();
  /** The line that was read last, without its end; each character is one byte (Latin-1). */
  line = '';

  /** Whether nothing of a line has come that is not whole yet. */
  get isBetweenLines(): boolean {
    return this.#begun.length === 0;
  }

  /** At most so many characters of a line that is not whole yet. */
  begun(length: number): string {
    return this.#begun.first(length).toString('latin1');
  }

  /**
   * Reads on in the line that begins at `at`, or goes on there.
   *
   * @returns index behind its end, or -1 when that has yet to come.
   * @throws TooLongMessage when it is longer than `maxBytes`; MalformedMessage when it ends with LF alone.
   */
  read(bytes: Buffer, at: number, maxBytes: number): number {
    const feed = bytes.indexOf(LINE_FEED, at);
    const next = feed === -1 ? bytes.length : feed + 1;
    if (this.#begun.length + next - at > maxBytes)
      throw new TooLongMessage('it has a line or head that is too long');
    if (feed === -1) {
      this.#begun.copy(bytes.subarray(at));
      return -1;
    }
    if (this.#begun.length === 0) {
      this.line = lineIn(bytes, at, feed);
    } else {
      this.#begun.append(bytes.subarray(at, next));
      const whole = this.#begun.take();
      this.line = lineIn(whole, 0, whole.length - 1);
    }
    return next;
  }
}

function lineIn(bytes: Buffer, start: number, feed: number): string {
  const end = feed - 1;
  // RFC 9112, section 2.2 lets LF alone pass, and so does not everybody.
  if (end < start || bytes[end] !== CARRIAGE_RETURN) {
    throw new MalformedMessage('a line does not end with CR and LF');
  }
  return bytes.toString('latin1', start, end);
}
