/*
 * V8 may take an escaped key for another one that an object before had: after `{"p":1,"nam\\":1}` it reads
 * `{"p":1,"nam\u0065":2}` as if `nam\` stood there (nodejs/node#63785; V8 13.6 to 14.6 at least). Whoever
 * sends messages chooses both. Keys without escapes are safe, and so is a string by itself.
 */

const BACKSLASH = 0x5c;
const SPACE = 0x20;

/** What may follow a number or word; behind the text there is the empty string. */
const ENDS_PRIMITIVE: ReadonlySet<string> = new Set([',', ']', '}', ' ', '\t', '\r', '\n', '']);

/** How JSON.parse defines a property. */
const ASSIGNED = { writable: true, enumerable: true, configurable: true };

/** Makes of a number as it is written what stands for it. */
type ReadNumber = (source: string) => unknown;

/**
 * The value that a JSON text says (RFC 8259).
 *
 * @param readNumber instead of rounding to a double.
 * @throws SyntaxError when it is no JSON text.
 */
export function parseJson(text: string, readNumber: ReadNumber | null = null): unknown {
  if (hasEscapedKey(text)) {
    // Whether it is JSON is told rightly.
    JSON.parse(text);
    return new Builder(text, readNumber).value();
  }
  if (readNumber === null) return JSON.parse(text) as unknown;
  return json.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined ? readNumber(source) : value,
  );
}

/** The type library does not know of `source` yet (ECMAScript, "JSON.parse source text access"). */
const json = JSON as unknown as {
  parse(
    text: string,
    revive: (key: string, value: unknown, at: { source?: string }) => unknown,
  ): unknown;
};

/** Index behind the JSON string that begins at `start`; the end of the text if it does not end. */
export function endOfJsonString(text: string, start: number): number {
  let quote = text.indexOf('"', start + 1);
  while (quote !== -1 && isEscaped(text, quote)) quote = text.indexOf('"', quote + 1);
  return quote === -1 ? text.length : quote + 1;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes += 1;
  return backslashes % 2 === 1;
}

/** Whether there is a string with an escape in it and a colon behind it. */
function hasEscapedKey(text: string): boolean {
  let escape = text.indexOf('\\');
  let start = text.indexOf('"');
  while (escape !== -1 && start !== -1) {
    const end = endOfJsonString(text, start);
    if (escape < end) {
      if (text[skipSpace(text, end)] === ':') return true;
      escape = text.indexOf('\\', end);
    }
    start = text.indexOf('"', end);
  }
  return false;
}

function skipSpace(text: string, at: number): number {
  let index = at;
  while (text.charCodeAt(index) <= SPACE) index += 1;
  return index;
}

/** Builds the value of a text that is known to be JSON. */
class Builder {
  readonly #text: string;
  readonly #readNumber: ReadNumber | null;
  #at = 0;

  constructor(text: string, readNumber: ReadNumber | null) {
    this.#text = text;
    this.#readNumber = readNumber;
  }

  value(): unknown {
    const first = this.#next();
    if (first === '{') return this.#object();
    if (first === '[') return this.#array();
    return first === '"' ? this.#string() : this.#primitive();
  }

  #object(): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    while (this.#hasMore('}')) {
      const key = this.#string();
      // The colon.
      this.#next();
      this.#at += 1;
      // Assigned, `__proto__` would become the prototype.
      Object.defineProperty(object, key, { ...ASSIGNED, value: this.value() });
    }
    return object;
  }

  #array(): unknown[] {
    const array: unknown[] = [];
    while (this.#hasMore(']')) array.push(this.value());
    return array;
  }

  /** Goes on to the next member or element, or behind the bracket that closes all of them. */
  #hasMore(close: string): boolean {
    // The bracket that opens, a comma, or the bracket that closes.
    const first = this.#next();
    this.#at += 1;
    if (first === close) return false;
    if (this.#next() !== close) return true;
    this.#at += 1;
    return false;
  }

  #string(): string {
    const start = this.#at;
    this.#at = endOfJsonString(this.#text, start);
    return JSON.parse(this.#text.slice(start, this.#at)) as string;
  }

  /** A number, `true`, `false` or `null`. */
  #primitive(): unknown {
    const start = this.#at;
    while (!ENDS_PRIMITIVE.has(this.#text.charAt(this.#at))) this.#at += 1;
    const source = this.#text.slice(start, this.#at);
    const value = JSON.parse(source) as unknown;
    return typeof value === 'number' && this.#readNumber !== null
      ? this.#readNumber(source)
      : value;
  }

  #next(): string {
    this.#at = skipSpace(this.#text, this.#at);
    return this.#text.charAt(this.#at);
  }
}
