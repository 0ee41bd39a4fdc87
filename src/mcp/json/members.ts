import { parseJson } from '#lib';
import { recentText } from './recent-text.ts';
import { unclearText } from './refusals.ts';
import type { KnownKey, Outline } from './outline.ts';
import { digitsIn, hasEscape, isAt, stringIn, valueIn } from './text.ts';

const QUOTE = 0x22;
const OPEN_OBJECT = 0x7b;

/** Part of a text that is one value: from `start` on, up to `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * Where the values of known keys stand in a text. What they say is read when it is asked for, from
 * exactly the bytes that were scanned; what is no short text is read once.
 */
export class Members {
  readonly outline: Outline;
  /** By the `span` of a key the start of its value, then the end; 0 for absent ones. */
  readonly spans: number[];
  readonly #bytes: Buffer;
  /** By half the `span` of the key. */
  #values: unknown[] | null = null;
  #hasEscapedKey = false;

  constructor(outline: Outline, bytes: Buffer) {
    this.outline = outline;
    this.#bytes = bytes;
    this.spans = outline.absent.slice();
  }

  /** Notes that a key somewhere in the text has escapes, which not every parser reads rightly. */
  noteEscapedKey(): void {
    this.#hasEscapedKey = true;
  }

  /** Whether the text has this key. */
  has({ span }: KnownKey): boolean {
    return this.spans[span] !== 0;
  }

  /** Whether the value of a key is an object. */
  hasObject({ span }: KnownKey): boolean {
    const start = this.spans[span] as number;
    return start !== 0 && this.#bytes[start] === OPEN_OBJECT;
  }

  /** Where the value of a key stands, `null` when that is absent. */
  span(key: KnownKey): Span | null {
    if (!this.has(key)) return null;
    const { span } = key;
    return { start: this.spans[span] as number, end: this.spans[span + 1] as number };
  }

  /** The value of a key as it is written; empty when that is absent. */
  written({ span }: KnownKey): string {
    return stringIn(this.#bytes, this.spans[span] as number, this.spans[span + 1] as number);
  }

  /** Whether the value of a key is written just so. */
  isWritten({ span }: KnownKey, expected: Buffer): boolean {
    const start = this.spans[span] as number;
    const end = this.spans[span + 1] as number;
    return isAt(this.#bytes, start, end, expected);
  }

  /** The value of a key that is present and written as some digits alone, else `null`. */
  digits({ span }: KnownKey): number | null {
    const start = this.spans[span] as number;
    return start === 0 ? null : digitsIn(this.#bytes, start, this.spans[span + 1] as number);
  }

  /** The value of a key, reading no more than it has to; `undefined` when that is absent. */
  value(key: KnownKey): unknown {
    const { span } = key;
    const start = this.spans[span] as number;
    if (start === 0) return undefined;
    const end = this.spans[span + 1] as number;
    // Texts that messages have again and again cost less to find than to keep.
    const text =
      key.isExact && this.#bytes[start] === QUOTE
        ? recentText(this.#bytes, start + 1, end - 1)
        : null;
    return text ?? this.#readOnce(span >> 1, start, end);
  }

  /** The value of any key of the object under a known one, `undefined` when there is none. */
  entry(object: KnownKey, name: string): unknown {
    if (!this.hasObject(object)) return undefined;
    const key = object.shape?.byName(name) ?? null;
    return key === null ? this.object(object)[name] : this.value(key);
  }

  /** The whole object under a key. */
  object(key: KnownKey): Readonly<Record<string, unknown>> {
    return this.value(key) as Record<string, unknown>;
  }

  /**
   * Half a surrogate pair is kept by some parsers, replaced by others and refused by the rest; C ends a
   * string at a NUL. In a name, or in a list of names, each would mean something else.
   *
   * @throws FrameAmbiguous when there is such a thing under an exact key.
   */
  refuseUnclear(): void {
    for (const key of this.outline.exact) {
      const start = this.spans[key.span] as number;
      const end = this.spans[key.span + 1] as number;
      if (start === 0 || !hasEscape(this.#bytes, start, end)) continue;
      const value = this.#read(start, end);
      for (const text of Array.isArray(value) ? value : [value]) {
        if (typeof text === 'string' && (!text.isWellFormed() || text.includes('\0'))) {
          throw unclearText();
        }
      }
    }
  }

  #readOnce(index: number, start: number, end: number): unknown {
    const values = (this.#values ??= []);
    return (values[index] ??= this.#read(start, end));
  }

  #read(start: number, end: number): unknown {
    if (this.#hasEscapedKey) return parseJson(stringIn(this.#bytes, start, end));
    return valueIn(this.#bytes, start, end);
  }
}
