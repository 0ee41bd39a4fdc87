import { skipSpace } from './bytes.ts';
import type { JsonLimits } from './limits.ts';
import { DEEPEST } from './limits.ts';
import type { Members } from './members.ts';
import { endOfNumber } from './numbers.ts';
import { addEscapedKey, addKey, closeObject, openObject } from './open-keys.ts';
import type { KnownKey, Shape } from './outline.ts';
import { MAX_KNOWN_BYTES } from './outline.ts';
import { keyTwice, notJson, tokenTooLong, tooDeep, tooManyKeys } from './refusals.ts';
import type { StringText } from './strings.ts';
import { endOfEscaped, endOfPlain } from './strings.ts';
import { valueIn } from './text.ts';
import { endOfWord } from './words.ts';

const CLOSE_ARRAY = 0x5d;
const CLOSE_OBJECT = 0x7d;
const COLON = 0x3a;
const COMMA = 0x2c;
const FIRST_LETTER = 0x61;
const OPEN_ARRAY = 0x5b;
const OPEN_OBJECT = 0x7b;
const QUOTE = 0x22;

/** Whatever the limits are: V8 keeps a count of so many without a box. */
const MOST_KEYS = 2 ** 30 - 1;

/**
 * For all that is open: the number of the object, or that it is an array; where its own span belongs;
 * what is known of it. Scanning is never within another, so one does for all.
 */
const OPEN = new Int32Array(3 * DEEPEST);
const ARRAY = -1;
/** Instead of the number of a shape, and of the place of a span: nobody asks for it. */
const UNKNOWN = 0;

/**
 * Texts up to this size are copied to one place: that takes less time than making a view of each that
 * looks at four bytes at once. A NUL follows them there, which no JSON text has, so nothing goes on
 * into what was there before.
 */
const SMALL = 65_536;
const PLACE = Buffer.from(new ArrayBuffer(SMALL + MAX_KNOWN_BYTES));
const PLACE_WORDS = new DataView(PLACE.buffer);

/** A text on its way through the scanner. */
export interface Scan extends StringText {
  readonly limits: JsonLimits;
  readonly maxDepth: number;
  /** So many more may come. */
  keysLeft: number;
  /** Strings with escapes so far, keys not counted. */
  escaped: number;
  /** Whether there was a key with escapes. */
  hasEscapedKey: boolean;
  /** What {@link endOfShapedKey} found: where the span belongs, what is known of the value, new top. */
  span: number;
  inner: number;
  top: number;
  /** Tells it from later ones. */
  readonly number: number;
}

let scans = 0;

/** @param bytes are UTF-8. */
export function newScan(bytes: Buffer, limits: JsonLimits): Scan {
  scans += 1;
  const { length } = bytes;
  const isSmall = length <= SMALL;
  if (isSmall) {
    PLACE.set(bytes);
    PLACE[length] = 0;
  }
  return {
    bytes: isSmall ? PLACE : bytes,
    words: isSmall ? PLACE_WORDS : new DataView(bytes.buffer, bytes.byteOffset, length),
    lastWord: isSmall ? SMALL : length - MAX_KNOWN_BYTES,
    limits,
    maxDepth: Math.min(limits.maxDepth, DEEPEST),
    keysLeft: Math.min(limits.maxKeys, MOST_KEYS),
    escaped: 0,
    hasEscapedKey: false,
    span: UNKNOWN,
    inner: UNKNOWN,
    top: 0,
    number: scans,
  };
}

/** @throws Error when another scan has begun since, which took the places that all share. */
export function checkCurrent({ number }: Scan): void {
  if (number !== scans) throw new Error('a text was scanned within another');
}

/**
 * Index behind the value that begins at `at`. One loop over all that is in it, with all that it needs
 * at hand: calls for each value and each member take as long as all the rest.
 *
 * @param depth of objects and arrays that it stands in.
 * @param members take note of where known keys stand, if it is an object.
 * @throws FrameInvalidJson, FrameTooDeep, FrameTooManyKeys, FrameTokenTooLong or FrameAmbiguous.
 */
export function endOfValue(scan: Scan, at: number, depth: number, members: Members): number {
  const { bytes, words, lastWord, limits } = scan;
  const { maxKeyBytes, maxNumberBytes } = limits;
  const { spans, outline } = members;
  const { followers } = outline;
  const deepest = 3 * (scan.maxDepth - depth);
  let { keysLeft } = scan;
  let index = at;
  // Tops of the stacks: of what is open, and of the keys in it.
  let open = 0;
  let top = 0;
  // Of the innermost that is open: its number or that it is an array, and what is known of it.
  let object = ARRAY;
  let shape = UNKNOWN;
  // Of what comes next: whether it is a key, and if so, behind which one; if a value, where its span
  // belongs and what is known of it.
  let isKey = false;
  let place = 0;
  let span = UNKNOWN;
  let inner = outline.root.number;
  for (;;) {
    if (isKey && shape !== UNKNOWN) {
      const likely = followers[place] as KnownKey | null;
      if (likely?.owner === shape && index <= lastWord && isWrittenAt(words, index, likely)) {
        span = likely.span;
        inner = likely.inner;
        if (spans[span] !== 0) throw keyTwice();
        keysLeft -= 1;
        if (keysLeft < 0 || likely.bytes.length > maxKeyBytes) throw refusedKey(keysLeft, limits);
        index = skipSpace(bytes, index + likely.size);
        isKey = false;
        spans[span] = index;
      }
    }
    const first = bytes[index];
    if (first === QUOTE) {
      const start = index + 1;
      index = endOfPlain(words, start, lastWord);
      if (isKey) {
        if (shape !== UNKNOWN) {
          index = endOfShapedKey(scan, start, index, object, top, members, shape, place);
          span = scan.span;
          inner = scan.inner;
          top = scan.top;
        } else if (bytes[index] === QUOTE) top = addKey(object, top, bytes, start, index);
        else index = endOfUnusualKey(scan, start, index, object, top);
        keysLeft -= 1;
        if (keysLeft < 0 || index - start > maxKeyBytes) throw refusedKey(keysLeft, limits);
        index += 1;
        if (bytes[index] !== COLON) index = skipSpace(bytes, index);
        if (bytes[index] !== COLON) throw notJson(index);
        index = skipSpace(bytes, index + 1);
        isKey = false;
        if (span !== UNKNOWN) spans[span] = index;
        continue;
      }
      index = bytes[index] === QUOTE ? index + 1 : endOfString(scan, index);
    } else if (isKey) {
      throw notJson(index);
    } else if (first === OPEN_OBJECT || first === OPEN_ARRAY) {
      if (open >= deepest) throw tooDeep(scan.maxDepth);
      index = skipSpace(bytes, index + 1);
      isKey = first === OPEN_OBJECT;
      if (bytes[index] !== (isKey ? CLOSE_OBJECT : CLOSE_ARRAY)) {
        OPEN[open] = object;
        OPEN[open + 1] = span;
        OPEN[open + 2] = shape;
        open += 3;
        object = isKey ? top : ARRAY;
        if (isKey) top = openObject(top);
        shape = isKey ? inner : UNKNOWN;
        place = outline.keys.length + (span >> 1);
        span = UNKNOWN;
        inner = UNKNOWN;
        continue;
      }
      index += 1;
    } else {
      index = endOfPrimitive(bytes, index, maxNumberBytes);
    }
    // Behind a value: the next one, or the end of what it stands in.
    for (;;) {
      if (span !== UNKNOWN) spans[span + 1] = index;
      if (open === 0) {
        scan.keysLeft = keysLeft;
        return index;
      }
      index = skipSpace(bytes, index);
      const next = bytes[index];
      isKey = object !== ARRAY;
      if (next === COMMA) {
        index = skipSpace(bytes, index + 1);
        place = span >> 1;
        break;
      }
      if (next !== (isKey ? CLOSE_OBJECT : CLOSE_ARRAY)) throw notJson(index);
      if (isKey) {
        closeObject(object);
        top = object;
      }
      open -= 3;
      object = OPEN[open] as number;
      span = OPEN[open + 1] as number;
      shape = OPEN[open + 2] as number;
      index += 1;
    }
  }
}

/** Whether a key stands there, quotes and colon included. */
function isWrittenAt(words: DataView, at: number, { words: written, size }: KnownKey): boolean {
  const last = written.length - 1;
  for (let index = 0; index < last; index += 1) {
    if (words.getInt32(at + 4 * index, true) !== written[index]) return false;
  }
  return words.getInt32(at + size - 4, true) === written[last];
}

function refusedKey(keysLeft: number, limits: JsonLimits): Error {
  if (keysLeft < 0) return tooManyKeys(limits.maxKeys);
  return tokenTooLong('key', limits.maxKeyBytes);
}

/** Index of the quote that closes a key with escapes. */
function endOfUnusualKey(
  scan: Scan,
  start: number,
  from: number,
  object: number,
  top: number,
): number {
  const end = endOfEscaped(scan, from);
  scan.hasEscapedKey = true;
  addEscapedKey(object, top, scan.bytes, valueIn(scan.bytes, start - 1, end + 1) as string);
  return end;
}

/** Index of the quote that closes a key of an object of which something is known. */
function endOfShapedKey(
  scan: Scan,
  start: number,
  from: number,
  object: number,
  top: number,
  { outline, spans }: Members,
  shape: number,
  place: number,
): number {
  const { bytes } = scan;
  const isPlain = bytes[from] === QUOTE;
  const end = isPlain ? from : endOfEscaped(scan, from);
  const text = isPlain ? null : (valueIn(bytes, start - 1, end + 1) as string);
  if (!isPlain) scan.hasEscapedKey = true;
  const key = (outline.shapes[shape] as Shape).find(bytes, start, end, text);
  scan.span = key?.span ?? UNKNOWN;
  scan.inner = key?.inner ?? UNKNOWN;
  scan.top = top;
  if (key !== null) {
    if (spans[key.span] !== 0) throw keyTwice();
    outline.followers[place] = key;
  } else if (text === null) scan.top = addKey(object, top, bytes, start, end);
  else addEscapedKey(object, top, bytes, text);
  return end;
}

/** Index behind a string with escapes. */
function endOfString(scan: Scan, at: number): number {
  scan.escaped += 1;
  return endOfEscaped(scan, at) + 1;
}

function endOfPrimitive(bytes: Buffer, at: number, maxNumberBytes: number): number {
  if ((bytes[at] as number) >= FIRST_LETTER) return endOfWord(bytes, at);
  const end = endOfNumber(bytes, at);
  if (end - at > maxNumberBytes) throw tokenTooLong('number', maxNumberBytes);
  return end;
}
