import { skipSpace } from './bytes.ts';
import type { JsonLimits } from './limits.ts';
import { endOfNumber } from './numbers.ts';
import { addEscapedKey, addKey, closeObject, forgetKeys, openObject } from './open-keys.ts';
import { notJson, tokenTooLong, tooDeep, tooManyKeys } from './refusals.ts';
import type { StringText } from './strings.ts';
import { endOfEscaped, endOfPlain, skipPlain } from './strings.ts';
import { valueIn } from './text.ts';
import { endOfWord } from './words.ts';

const CLOSE_ARRAY = 0x5d;
const CLOSE_OBJECT = 0x7d;
const COLON = 0x3a;
const LETTER_F = 0x66;
const LETTER_N = 0x6e;
const LETTER_T = 0x74;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const OPEN_OBJECT = 0x7b;
const QUOTE = 0x22;

/** Whatever the limits are: V8 keeps a count of so many without a box. */
const MOST_KEYS = 2 ** 30 - 1;
const DEEPEST = 4096;

/** What is open: objects by their numbers, and arrays. Scanning is never within another. */
const OPEN = new Int32Array(DEEPEST);
const ARRAY = -1;

/** A text on its way through the scanner. */
export interface Scan extends StringText {
  readonly limits: JsonLimits;
  readonly maxDepth: number;
  /** So many more may come. */
  keysLeft: number;
  /** Strings with escapes so far, keys not counted. */
  escaped: number;
}

/** @param bytes are UTF-8. */
export function newScan(bytes: Buffer, limits: JsonLimits): Scan {
  forgetKeys();
  const maxDepth = Math.min(limits.maxDepth, DEEPEST);
  const keysLeft = Math.min(limits.maxKeys, MOST_KEYS);
  return { bytes, limits, words: null, maxDepth, keysLeft, escaped: 0 };
}

/**
 * Index behind the value that begins at `at`. One loop over all that is in it: calls for each value
 * and each member take as long as all the rest.
 *
 * @param depth of objects and arrays that it stands in.
 * @throws FrameInvalidJson, FrameTooDeep, FrameTooManyKeys, FrameTokenTooLong or FrameAmbiguous.
 */
export function endOfValue(scan: Scan, at: number, depth: number): number {
  const { bytes } = scan;
  let index = at;
  let open = 0;
  for (;;) {
    const first = bytes[index];
    if (first === QUOTE) {
      index = skipPlain(bytes, index + 1);
      index = bytes[index] === QUOTE ? index + 1 : endOfString(scan, index);
    } else if (first === OPEN_OBJECT) {
      checkDepth(scan, depth + open);
      index = skipSpace(bytes, index + 1);
      if (bytes[index] !== CLOSE_OBJECT) {
        const object = openObject();
        OPEN[open] = object;
        open += 1;
        index = endOfKey(scan, index, object);
        continue;
      }
      index += 1;
    } else if (first === OPEN_ARRAY) {
      checkDepth(scan, depth + open);
      index = skipSpace(bytes, index + 1);
      if (bytes[index] !== CLOSE_ARRAY) {
        OPEN[open] = ARRAY;
        open += 1;
        continue;
      }
      index += 1;
    } else {
      index = endOfPrimitive(scan, index, first);
    }
    // Behind a value: the next one, or the end of what it stands in.
    for (;;) {
      if (open === 0) return index;
      index = skipSpace(bytes, index);
      const object = OPEN[open - 1] as number;
      if (bytes[index] === COMMA) {
        index = skipSpace(bytes, index + 1);
        if (object !== ARRAY) index = endOfKey(scan, index, object);
        break;
      }
      if (bytes[index] !== (object === ARRAY ? CLOSE_ARRAY : CLOSE_OBJECT)) throw notJson(index);
      if (object !== ARRAY) closeObject(object);
      open -= 1;
      index += 1;
    }
  }
}

/** @throws FrameTooDeep for one more than may be within each other. */
export function checkDepth({ maxDepth }: Scan, depth: number): void {
  if (depth >= maxDepth) throw tooDeep(maxDepth);
}

/** Index of the value behind a key and its colon. */
function endOfKey(scan: Scan, at: number, object: number): number {
  const { bytes } = scan;
  if (bytes[at] !== QUOTE) throw notJson(at);
  let end = skipPlain(bytes, at + 1);
  if (bytes[end] === QUOTE) addKey(object, bytes, at + 1, end);
  else end = endOfUnusualKey(scan, at, end, object);
  countKey(scan, end - at - 1);
  end += 1;
  if (bytes[end] !== COLON) end = skipSpace(bytes, end);
  if (bytes[end] !== COLON) throw notJson(end);
  return skipSpace(bytes, end + 1);
}

/** Index of the value behind a colon. */
export function skipColon(bytes: Buffer, at: number): number {
  const colon = skipSpace(bytes, at);
  if (bytes[colon] !== COLON) throw notJson(colon);
  return skipSpace(bytes, colon + 1);
}

/** @throws FrameTooManyKeys or FrameTokenTooLong. */
export function countKey(scan: Scan, bytes: number): void {
  scan.keysLeft -= 1;
  if (scan.keysLeft < 0 || bytes > scan.limits.maxKeyBytes) refuseKey(scan);
}

function refuseKey({ keysLeft, limits }: Scan): never {
  if (keysLeft < 0) throw tooManyKeys(limits.maxKeys);
  throw tokenTooLong('key', limits.maxKeyBytes);
}

/** Index of the quote that closes a key which is long or has escapes. */
function endOfUnusualKey(scan: Scan, at: number, from: number, object: number): number {
  const { bytes } = scan;
  const plain = endOfPlain(scan, from);
  if (bytes[plain] === QUOTE) {
    addKey(object, bytes, at + 1, plain);
    return plain;
  }
  const end = endOfEscaped(scan, plain);
  addEscapedKey(object, bytes, valueIn(bytes, at, end + 1) as string);
  return end;
}

/** Index behind a string which is long or has escapes. */
function endOfString(scan: Scan, at: number): number {
  const plain = endOfPlain(scan, at);
  if (scan.bytes[plain] === QUOTE) return plain + 1;
  scan.escaped += 1;
  return endOfEscaped(scan, plain) + 1;
}

function endOfPrimitive(scan: Scan, at: number, first: number | undefined): number {
  const { bytes } = scan;
  if (first === LETTER_T || first === LETTER_F || first === LETTER_N) return endOfWord(bytes, at);
  const end = endOfNumber(bytes, at);
  const { maxNumberBytes } = scan.limits;
  if (end - at > maxNumberBytes) throw tokenTooLong('number', maxNumberBytes);
  return end;
}
