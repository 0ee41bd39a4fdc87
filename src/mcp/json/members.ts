import { recentText } from './recent-text.ts';
import type { KnownKey, Shape } from './shape.ts';
import { digitsIn, isAt, stringIn, valueIn } from './text.ts';

const QUOTE = 0x22;

/** Part of a text that is one value: from `start` on, up to `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * Where the members of an object stand in a text. What they say is read when it is asked for, from
 * exactly the bytes that were scanned; what is no short text is read once.
 */
export class Members {
  readonly shape: Shape;
  readonly #bytes: Buffer;
  /** Start and end of the value of each known key, by the key's index; 0 for absent ones. */
  readonly #spans: number[];
  /** Place of the known key that was found last; 0 before the first. */
  last = 0;
  /** By the index of the key; `null` while there is none. */
  #values: unknown[] | null = null;
  /** The objects under known keys, each with the next one and the index of its key. */
  #inner: Members | null = null;
  #next: Members | null = null;
  #index = 0;
  #start = 0;
  #end = 0;
  #whole: Readonly<Record<string, unknown>> | null = null;

  constructor(shape: Shape, bytes: Buffer) {
    this.shape = shape;
    this.#bytes = bytes;
    this.#spans = shape.absent.slice();
  }

  /** Notes where the object itself stands. */
  setSpan(start: number, end: number): void {
    this.#start = start;
    this.#end = end;
  }

  /** Notes where the value of a key stands. */
  set({ index }: KnownKey, start: number, end: number): void {
    this.#spans[2 * index] = start;
    this.#spans[2 * index + 1] = end;
    this.last = index + 1;
  }

  /** Notes where the object under a key stands. */
  setInner(key: KnownKey, start: number, end: number, inner: Members): void {
    this.set(key, start, end);
    inner.#index = key.index;
    inner.#next = this.#inner;
    this.#inner = inner;
  }

  /** Whether the object has this key. */
  has({ index }: KnownKey): boolean {
    return this.#spans[2 * index + 1] !== 0;
  }

  /** Where the value of a key stands, `null` when that is absent. */
  span(key: KnownKey): Span | null {
    if (!this.has(key)) return null;
    const { index } = key;
    return { start: this.#spans[2 * index] as number, end: this.#spans[2 * index + 1] as number };
  }

  /** The value of a key as it is written; empty when that is absent. */
  written(key: KnownKey): string {
    const span = this.span(key);
    return span === null ? '' : stringIn(this.#bytes, span.start, span.end);
  }

  /** Whether the value of a key is written just so. */
  isWritten({ index }: KnownKey, expected: Buffer): boolean {
    const start = this.#spans[2 * index] as number;
    const end = this.#spans[2 * index + 1] as number;
    return isAt(this.#bytes, start, end, expected);
  }

  /** The value of a key that is present and written as some digits alone, else `null`. */
  digits({ index }: KnownKey): number | null {
    const start = this.#spans[2 * index] as number;
    const end = this.#spans[2 * index + 1] as number;
    return end === 0 ? null : digitsIn(this.#bytes, start, end);
  }

  /** The members of the object under a key; `null` when that is absent or no object. */
  inner({ index }: KnownKey): Members | null {
    let inner = this.#inner;
    while (inner !== null && inner.#index !== index) inner = inner.#next;
    return inner;
  }

  /** The value of a key, reading no more than it has to. */
  value(key: KnownKey): unknown {
    return this.#shortText(key) ?? this.#readOnce(key);
  }

  /** The value of any key, known to the shape or not. */
  valueOf(name: string): unknown {
    if (this.#whole !== null) return this.#whole[name];
    const key = this.shape.byName(name);
    return key === null ? this.whole()[name] : this.value(key);
  }

  /** The whole object. */
  whole(): Readonly<Record<string, unknown>> {
    this.#whole ??= valueIn(this.#bytes, this.#start, this.#end) as Record<string, unknown>;
    return this.#whole;
  }

  /** Texts that messages have again and again cost less to find than to keep. */
  #shortText({ index, value }: KnownKey): string | null {
    if (value !== 'exact') return null;
    const start = this.#spans[2 * index] as number;
    const end = this.#spans[2 * index + 1] as number;
    return this.#bytes[start] === QUOTE ? recentText(this.#bytes, start + 1, end - 1) : null;
  }

  #readOnce(key: KnownKey): unknown {
    const values = (this.#values ??= this.shape.unread.slice());
    return (values[key.index] ??= this.inner(key)?.whole() ?? this.#read(key));
  }

  #read(key: KnownKey): unknown {
    const span = this.span(key);
    return span === null ? undefined : valueIn(this.#bytes, span.start, span.end);
  }
}
