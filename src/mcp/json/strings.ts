import { notJson } from './refusals.ts';

const BACKSLASH = 0x5c;
const QUOTE = 0x22;

const FIRST_PRINTABLE = 0x20;
const LETTER_U = 0x75;
/** Has a 1 at each byte that may follow a backslash, besides `u`. */
const ESCAPED = new Uint8Array(256);
for (const byte of Buffer.from('"\\/bfnrt')) ESCAPED[byte] = 1;

/** After so many bytes it pays to look at four at a time, for the first time and later. */
const FAR_AT_FIRST = 64;
const FAR = 16;

/** Each of four bytes: its lowest and its highest bit. */
const LOW_BITS = 0x01010101;
const HIGH_BITS = 0x80808080 | 0;
const QUOTES = QUOTE * LOW_BITS;
const BACKSLASHES = BACKSLASH * LOW_BITS;
const PRINTABLES = FIRST_PRINTABLE * LOW_BITS;

/** A text whose strings are looked at. */
export interface StringText {
  readonly bytes: Buffer;
  /** The same bytes, once there is a string that is long enough. */
  words: DataView | null;
}

/**
 * Index of the first byte of a string that needs a closer look, from which {@link endOfPlain} can go
 * on: with most strings it is the quote that closes them.
 *
 * @param at index of a character of the string.
 */
export function skipPlain(bytes: Buffer, at: number): number {
  return skipNear(bytes, at, at + FAR_AT_FIRST);
}

function skipNear(bytes: Buffer, at: number, far: number): number {
  let index = at;
  for (; index < far; index += 1) {
    const byte = bytes[index] as number;
    if (byte > BACKSLASH) continue;
    if (byte === QUOTE || byte === BACKSLASH || !(byte >= FIRST_PRINTABLE)) break;
  }
  return index;
}

/**
 * Index of the quote that closes the string, or of the backslash in it that comes first (RFC 8259,
 * section 7). That the bytes are UTF-8 is known already.
 *
 * @param at index of a character of the string.
 * @throws FrameInvalidJson when there is none, or a control character comes before it.
 */
export function endOfPlain(text: StringText, at: number): number {
  const { bytes } = text;
  const index = skipNear(bytes, at, at + (text.words === null ? FAR_AT_FIRST : FAR));
  const byte = bytes[index];
  return byte === QUOTE || byte === BACKSLASH ? index : endOfLong(text, index);
}

/**
 * Index of the quote that closes the string.
 *
 * @param at index of a backslash in it.
 * @throws FrameInvalidJson when an escape is none, or what follows is no string.
 */
export function endOfEscaped(text: StringText, at: number): number {
  const { bytes } = text;
  let index = at;
  while (bytes[index] === BACKSLASH) {
    const next = endOfEscape(bytes, index);
    index = skipNear(bytes, next, next + FAR);
    if (bytes[index] !== QUOTE && bytes[index] !== BACKSLASH) index = endOfLong(text, index);
  }
  return index;
}

function endOfEscape(bytes: Buffer, at: number): number {
  const escaped = bytes[at + 1] as number;
  if (ESCAPED[escaped] === 1) return at + 2;
  if (escaped !== LETTER_U) throw notJson(at);
  for (let index = at + 2; index < at + 6; index += 1) {
    if (!isHexDigit(bytes[index] as number)) throw notJson(at);
  }
  return at + 6;
}

function endOfLong(text: StringText, at: number): number {
  const { bytes } = text;
  text.words ??= new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let index = skipWords(text.words, at); index < bytes.length; index += 1) {
    const byte = bytes[index] as number;
    if (byte === QUOTE || byte === BACKSLASH) return index;
    if (byte < FIRST_PRINTABLE) throw notJson(index);
  }
  throw notJson(bytes.length);
}

/**
 * Index of the first four bytes that have a quote, a backslash or a control character among them, or
 * of the last few bytes. A byte below 0x80 is less than `n` when taking `n` away sets its highest bit
 * (Anderson, Bit Twiddling Hacks, "Determine if a word has a byte less than n").
 */
function skipWords(words: DataView, at: number): number {
  const last = words.byteLength - 4;
  let index = at;
  for (; index <= last; index += 4) {
    const word = words.getInt32(index, true);
    const quotes = word ^ QUOTES;
    const backslashes = word ^ BACKSLASHES;
    const found =
      ((word - PRINTABLES) & ~word) |
      ((quotes - LOW_BITS) & ~quotes) |
      ((backslashes - LOW_BITS) & ~backslashes);
    if ((found & HIGH_BITS) !== 0) break;
  }
  return index;
}

function isHexDigit(byte: number): boolean {
  const letter = byte | 0x20;
  return (byte >= 0x30 && byte <= 0x39) || (letter >= 0x61 && letter <= 0x66);
}
