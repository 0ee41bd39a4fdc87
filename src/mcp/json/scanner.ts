import { byteAt, skipSpace } from './bytes.ts';
import { KeyStack } from './key-stack.ts';
import type { JsonLimits } from './limits.ts';
import { Members } from './members.ts';
import { endOfNumber } from './numbers.ts';
import { notJson, tokenTooLong, tooDeep, tooManyKeys, unclearText } from './refusals.ts';
import type { KnownKey } from './shape.ts';
import type { StringText } from './strings.ts';
import { endOfEscaped, endOfPlain } from './strings.ts';
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

/** Scanning is synchronous and never within another, so one stack does for all. */
const KEYS = new KeyStack();

/** A text on its way through the scanner. */
export interface Scan extends StringText {
  readonly limits: JsonLimits;
  /** Keys so far. */
  keys: number;
  /** Strings with escapes so far, keys not counted. */
  escaped: number;
}

/** @param bytes are UTF-8. */
export function newScan(bytes: Buffer, limits: JsonLimits): Scan {
  KEYS.reset();
  return { bytes, limits, words: null, keys: 0, escaped: 0 };
}

/**
 * Index behind the value that begins at `at`.
 *
 * @param depth of objects and arrays that it stands in.
 * @param members take note of what stands in it when it is an object.
 * @throws FrameInvalidJson, FrameTooDeep, FrameTooManyKeys, FrameTokenTooLong or FrameAmbiguous.
 */
export function endOfValue(scan: Scan, at: number, depth: number, members: Members | null): number {
  switch (byteAt(scan.bytes, at)) {
    case QUOTE:
      return endOfString(scan, at);
    case OPEN_OBJECT:
      return endOfObject(scan, at, depth + 1, members);
    case OPEN_ARRAY:
      return endOfArray(scan, at, depth + 1);
    case LETTER_T:
    case LETTER_F:
    case LETTER_N:
      return endOfWord(scan.bytes, at);
    default:
      return endOfShortNumber(scan, at);
  }
}

function endOfObject(scan: Scan, at: number, depth: number, members: Members | null): number {
  if (depth > scan.limits.maxDepth) throw tooDeep(scan.limits.maxDepth);
  const { bytes } = scan;
  let index = skipSpace(bytes, at + 1);
  if (byteAt(bytes, index) === CLOSE_OBJECT) {
    members?.setSpan(at, index + 1);
    return index + 1;
  }
  const object = KEYS.open();
  for (;;) {
    index = endOfMember(scan, index, depth, object, members);
    const byte = byteAt(bytes, index);
    if (byte === CLOSE_OBJECT) break;
    if (byte !== COMMA) throw notJson(index);
    index = skipSpace(bytes, index + 1);
  }
  KEYS.close(object);
  members?.setSpan(at, index + 1);
  return index + 1;
}

function endOfArray(scan: Scan, at: number, depth: number): number {
  if (depth > scan.limits.maxDepth) throw tooDeep(scan.limits.maxDepth);
  const { bytes } = scan;
  let index = skipSpace(bytes, at + 1);
  if (byteAt(bytes, index) === CLOSE_ARRAY) return index + 1;
  for (;;) {
    index = skipSpace(bytes, endOfValue(scan, index, depth, null));
    const byte = byteAt(bytes, index);
    if (byte === CLOSE_ARRAY) return index + 1;
    if (byte !== COMMA) throw notJson(index);
    index = skipSpace(bytes, index + 1);
  }
}

/** Index of what follows the member of an object, white space left out. */
function endOfMember(
  scan: Scan,
  at: number,
  depth: number,
  object: number,
  members: Members | null,
): number {
  const { bytes } = scan;
  if (byteAt(bytes, at) !== QUOTE) throw notJson(at);
  const plain = endOfPlain(scan, at + 1);
  const end = bytes[plain] === QUOTE ? plain : endOfEscaped(scan, plain);
  countKey(scan, end - at - 1);
  const text = plain === end ? null : (valueIn(bytes, at, end + 1) as string);
  if (text === null) KEYS.add(object, bytes, at + 1, end);
  else KEYS.addEscaped(object, bytes, at + 1, end, text);
  const colon = skipSpace(bytes, end + 1);
  if (byteAt(bytes, colon) !== COLON) throw notJson(colon);
  const start = skipSpace(bytes, colon + 1);
  const known = members === null ? null : members.shape.find(bytes, at + 1, end, text);
  return members === null || known === null
    ? skipSpace(bytes, endOfValue(scan, start, depth, null))
    : skipSpace(bytes, endOfKnown(scan, start, depth, members, known));
}

/** Index behind the value of a member of which note is taken. */
function endOfKnown(
  scan: Scan,
  at: number,
  depth: number,
  members: Members,
  key: KnownKey,
): number {
  const { bytes } = scan;
  const { value } = key;
  const isObject = byteAt(bytes, at) === OPEN_OBJECT;
  const inner = typeof value === 'object' && isObject ? new Members(value, bytes) : null;
  const escaped = scan.escaped;
  const end = endOfValue(scan, at, depth, inner);
  members.set(key, at, end, inner);
  if (value === 'exact' && scan.escaped > escaped) refuseUnclear(valueIn(bytes, at, end));
  return end;
}

function endOfString(scan: Scan, at: number): number {
  const plain = endOfPlain(scan, at + 1);
  if (scan.bytes[plain] === QUOTE) return plain + 1;
  scan.escaped += 1;
  return endOfEscaped(scan, plain) + 1;
}

function endOfShortNumber(scan: Scan, at: number): number {
  const end = endOfNumber(scan.bytes, at);
  const { maxNumberBytes } = scan.limits;
  if (end - at > maxNumberBytes) throw tokenTooLong('number', maxNumberBytes);
  return end;
}

function countKey(scan: Scan, bytes: number): void {
  const { maxKeys, maxKeyBytes } = scan.limits;
  scan.keys += 1;
  if (scan.keys > maxKeys) throw tooManyKeys(maxKeys);
  if (bytes > maxKeyBytes) throw tokenTooLong('key', maxKeyBytes);
}

/**
 * Half a surrogate pair is kept by some parsers, replaced by others and refused by the rest; C ends a
 * string at a NUL. In a name, or in a list of names, each would mean something else.
 */
function refuseUnclear(value: unknown): void {
  for (const text of Array.isArray(value) ? value : [value]) {
    if (typeof text === 'string' && (!text.isWellFormed() || text.includes('\0'))) {
      throw unclearText();
    }
  }
}
