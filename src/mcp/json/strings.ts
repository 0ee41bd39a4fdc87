import { notJson } from './refusals.ts';

const BACKSLASH = 0x5c;
const QUOTE = 0x22;

const SPACE = 0x20;
const LETTER_U = 0x75;
/** Has a 1 at each byte that may follow a backslash, besides `u`. */
const ESCAPED = new Uint8Array(256);
for (const byte of Buffer.from('"\\/bfnrt')) ESCAPED[byte] = 1;

/** Each of four bytes: its lowest and its highest bit. */
const LOW_BITS = 0x01010101;
const HIGH_BITS = 0x80808080 | 0;
const BACKSLASHES = BACKSLASH * LOW_BITS;
/** Swaps quote and space, so that a quote and the control characters are all that is below `!`. */
const QUOTE_TO_SPACE = (QUOTE ^ SPACE) * LOW_BITS;
const ABOVE_SPACE = (SPACE + 1) * LOW_BITS;

/** A text whose strings are looked at, four bytes at a time. */
export interface StringText {
  readonly bytes: Buffer;
  /** The same bytes. */
  readonly words: DataView;
  /** Up to this index there are enough bytes for any look ahead. */
  readonly lastWord: number;
}

/**
 * Index of the first quote, backslash or control character from `at` on: with most strings it is the
 * quote that closes them. A byte below 0x80 is less than `n` when taking `n` away sets its highest bit
 * (Anderson, Bit Twiddling Hacks, "Determine if a word has a byte less than n"), and the first one that
 * is found so is one.
 */
export function endOfPlain(words: DataView, at: number, lastWord: number): number {
  let index = at;
  for (; index <= lastWord; index += 4) {
    const word = words.getInt32(index, true);
    const swapped = word ^ QUOTE_TO_SPACE;
    const backslashes = word ^ BACKSLASHES;
    const found =
      (((swapped - ABOVE_SPACE) & ~swapped) | ((backslashes - LOW_BITS) & ~backslashes)) &
      HIGH_BITS;
    if (found !== 0) return index + ((31 - Math.clz32(found & -found)) >> 3);
  }
  return endOfTail(words, index);
}

function endOfTail(words: DataView, at: number): number {
  for (let index = at; index < words.byteLength; index += 1) {
    const byte = words.getUint8(index);
    if (byte === QUOTE || byte === BACKSLASH || byte < SPACE) return index;
  }
  return words.byteLength;
}

/**
 * Index of the quote that closes the string.
 *
 * @param at index of a byte in it that is not plain.
 * @throws FrameInvalidJson when it is no backslash, an escape is none, or what follows is no string.
 */
export function endOfEscaped({ bytes, words, lastWord }: StringText, at: number): number {
  let index = at;
  while (bytes[index] === BACKSLASH) {
    index = endOfPlain(words, endOfEscape(bytes, index), lastWord);
  }
  if (bytes[index] !== QUOTE) throw notJson(index);
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

function isHexDigit(byte: number): boolean {
  const letter = byte | 0x20;
  return (byte >= 0x30 && byte <= 0x39) || (letter >= 0x61 && letter <= 0x66);
}
