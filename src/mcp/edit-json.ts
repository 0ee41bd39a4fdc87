/**
 * Changes single values in a JSON text and leaves every other character as it is: numbers beyond what
 * JavaScript can hold, the order of keys, white space.
 */
import { endOfJsonString, parseJson } from '#lib';

/** Which values to change: by key, `*` for each element of an array. */
export interface Edits {
  readonly [key: string]: Edits | Edit;
}

/** The new value in place of one, `undefined` to leave it. */
export type Edit = (value: unknown) => unknown;

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;

/**
 * The bytes with some values changed; the same buffer when none was.
 *
 * @param bytes one well-formed JSON text without a key twice in one object.
 */
export function editJson(bytes: Buffer, edits: Edits): Buffer {
  const editor = new Editor(bytes.toString('utf8'));
  editor.value(0, edits);
  return editor.changed ? Buffer.from(editor.finish()) : bytes;
}

/** An edit that puts a value there whatever was. */
export function always(value: unknown): Edit {
  return () => value;
}

class Editor {
  readonly #text: string;
  readonly #pieces: string[] = [];
  #copied = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get changed(): boolean {
    return this.#pieces.length > 0;
  }

  finish(): string {
    return this.#pieces.join('') + this.#text.slice(this.#copied);
  }

  /** Works on the value that begins at or after `at`; returns the index after it. */
  value(at: number, edits: Edits | Edit | undefined): number {
    const start = this.#skipSpace(at);
    if (typeof edits === 'function') return this.#replace(start, edits);
    const first = this.#text.charCodeAt(start);
    if (edits !== undefined && first === OPEN_OBJECT) return this.#object(start, edits);
    if (edits !== undefined && first === OPEN_ARRAY) return this.#array(start, edits);
    return this.#skip(start);
  }

  #replace(start: number, edit: Edit): number {
    const end = this.#skip(start);
    const replaced = edit(parseJson(this.#text.slice(start, end)));
    if (replaced === undefined) return end;
    this.#pieces.push(this.#text.slice(this.#copied, start), JSON.stringify(replaced));
    this.#copied = end;
    return end;
  }

  #object(start: number, edits: Edits): number {
    let at = this.#skipSpace(start + 1);
    while (this.#text.charCodeAt(at) === QUOTE) {
      const keyEnd = endOfJsonString(this.#text, at);
      const key = parseJson(this.#text.slice(at, keyEnd)) as string;
      const colon = this.#skipSpace(keyEnd);
      at = this.value(colon + 1, Object.hasOwn(edits, key) ? edits[key] : undefined);
      at = this.#afterComma(at);
    }
    return at + 1;
  }

  #array(start: number, edits: Edits): number {
    let at = this.#skipSpace(start + 1);
    while (at < this.#text.length && this.#text.charCodeAt(at) !== CLOSE_ARRAY) {
      at = this.#afterComma(this.value(at, edits['*']));
    }
    return at + 1;
  }

  #afterComma(at: number): number {
    const next = this.#skipSpace(at);
    return this.#text.charCodeAt(next) === COMMA ? this.#skipSpace(next + 1) : next;
  }

  /** Index after the value that begins at `start`. */
  #skip(start: number): number {
    const text = this.#text;
    const first = text.charCodeAt(start);
    if (first === QUOTE) return endOfJsonString(text, start);
    if (first !== OPEN_OBJECT && first !== OPEN_ARRAY) return this.#skipScalar(start);
    let depth = 0;
    for (let at = start; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) at = endOfJsonString(text, at) - 1;
      else if (code === OPEN_OBJECT || code === OPEN_ARRAY) depth += 1;
      else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) {
        depth -= 1;
        if (depth === 0) return at + 1;
      }
    }
    return text.length;
  }

  #skipScalar(start: number): number {
    let at = start;
    while (at < this.#text.length && /[^\s,\]}]/.test(this.#text.charAt(at))) at += 1;
    return at;
  }

  #skipSpace(start: number): number {
    let at = start;
    while (at < this.#text.length && this.#text.charCodeAt(at) <= 0x20) at += 1;
    return at;
  }
}
