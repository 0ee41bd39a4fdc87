import type { KnownKey, Shape } from './shape.ts';

import { digitsIn, isAt, stringIn, valueIn } from './text.ts';

/** Part of a text that is one value: from `start` on, up to `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * Where the members of an object stand in a text. What they say is read when it is asked for, once,
 * from exactly the bytes that were scanned.
 */
export class Members {
  readonly shape: Shape;
  readonly #bytes: Buffer;
  /** Start and end of the value of each known key, by the key's index; 0 for absent ones. */
  readonly #spans: number[];
  /** By the index of the key; `null` while there is none. */
  #values: unknown[] | null = null;
  #inner: Members[] | null = null;
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
  set(key: KnownKey, start: number, end: number, inner: Members | null): void {
    this.#spans[2 * key.index] = start;
    this.#spans[2 * key.index + 1] = end;
    if (inner !== null) (this.#inner ??= [])[key.index] = inner;
  }

  /** Whether the object has this known key. */
  has(name: string): boolean {
    return this.span(name) !== null;
  }

  /** Where the value of a known key stands, `null` when that is absent. */
  span(name: string): Span | null {
    const key = this.shape.byName(name);
    return key === null ? null : this.#spanOf(key);
  }

  /** The value of a known key as it is written; empty when that is absent. */
  written(name: string): string {
    const span = this.span(name);
    return span === null ? '' : stringIn(this.#bytes, span.start, span.end);
  }

  /** Whether the value of a known key is written just so. */
  isWritten(name: string, expected: Buffer): boolean {
    const span = this.span(name);
    return span !== null && isAt(this.#bytes, span.start, span.end, expected);
  }

  /** The value of a known key that is written as some digits alone, else `null`. */
  digits(name: string): number | null {
    const span = this.span(name);
    return span === null ? null : digitsIn(this.#bytes, span.start, span.end);
  }

  /** The members of the object under a known key; `null` when that is absent or no object. */
  inner(name: string): Members | null {
    const key = this.shape.byName(name);
    return (key === null ? null : this.#inner?.[key.index]) ?? null;
  }

  /** The value of any key, reading no more than it has to. */
  value(name: string): unknown {
    if (this.#whole !== null) return this.#whole[name];
    const key = this.shape.byName(name);
    if (key === null) return this.whole()[name];
    const values = (this.#values ??= []);
    return (values[key.index] ??= this.#inner?.[key.index]?.whole() ?? this.#read(key));
  }

  /** The whole object. */
  whole(): Readonly<Record<string, unknown>> {
    this.#whole ??= valueIn(this.#bytes, this.#start, this.#end) as Record<string, unknown>;
    return this.#whole;
  }

  #read(key: KnownKey): unknown {
    const span = this.#spanOf(key);
    return span === null ? undefined : valueIn(this.#bytes, span.start, span.end);
  }

  #spanOf({ index }: KnownKey): Span | null {
    const end = this.#spans[2 * index + 1] as number;
    return end === 0 ? null : { start: this.#spans[2 * index] as number, end };
  }
}
