import { isUtf8 } from 'node:buffer';
import { skipSpace } from './bytes.ts';
import type { JsonLimits } from './limits.ts';
import { Members } from './members.ts';
import { forgetKeys } from './open-keys.ts';
import type { Outline } from './outline.ts';
import { notJson, notUtf8, tooLarge } from './refusals.ts';
import type { Scan } from './scanner.ts';
import { checkCurrent, endOfValue, newScan } from './scanner.ts';

const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;

/**
 * Makes sure that every parser reads these bytes alike: one JSON text (RFC 8259) in UTF-8 without a
 * byte order mark, within the limits, no key twice in one object.
 *
 * A duplicate key is the classic way past a gateway: one parser takes the first value, the next takes
 * the last.
 *
 * @param outline what is known of the text when it is an object.
 * @returns where its members stand, `null` when it is no object.
 * @throws FrameTooLarge, FrameInvalidJson, FrameTooDeep, FrameTooManyKeys, FrameTokenTooLong or
 *   FrameAmbiguous.
 */
export function scanObject(bytes: Buffer, limits: JsonLimits, outline: Outline): Members | null {
  checkBytes(bytes, limits);
  const scan = newScan(bytes, limits);
  const start = skipSpace(scan.bytes, 0);
  const members = new Members(outline, bytes);
  checkEnd(scan, bytes, endOf(scan, start, 0, members));
  return scan.bytes[start] === OPEN_OBJECT ? members : null;
}

/**
 * As {@link scanObject}, for an array.
 *
 * @param outline what is known of an element when it is an object.
 * @param onElement hears of each element, from `start` on up to `end`; it must not scan a text itself.
 * @returns whether it is an array.
 */
export function scanArray(
  bytes: Buffer,
  limits: JsonLimits,
  outline: Outline,
  onElement: (start: number, end: number, members: Members | null) => void,
): boolean {
  checkBytes(bytes, limits);
  const scan = newScan(bytes, limits);
  let index = skipSpace(scan.bytes, 0);
  const isArray = bytes[index] === OPEN_ARRAY;
  if (!isArray) {
    checkEnd(scan, bytes, endOf(scan, index, 0, new Members(outline, bytes)));
    return false;
  }
  index = skipSpace(bytes, index + 1);
  let more = bytes[index] !== CLOSE_ARRAY;
  while (more) {
    const members = new Members(outline, bytes);
    const end = endOf(scan, index, 1, members);
    onElement(index, end, bytes[index] === OPEN_OBJECT ? members : null);
    checkCurrent(scan);
    index = skipSpace(bytes, end);
    more = bytes[index] === COMMA;
    if (more) index = skipSpace(bytes, index + 1);
    else if (bytes[index] !== CLOSE_ARRAY) throw notJson(index);
  }
  checkEnd(scan, bytes, index + 1);
  return true;
}

function endOf(scan: Scan, at: number, depth: number, members: Members): number {
  const { escaped } = scan;
  try {
    const end = endOfValue(scan, at, depth, members);
    if (scan.hasEscapedKey) members.noteEscapedKey();
    if (scan.escaped > escaped) members.refuseUnclear();
    return end;
  } catch (error) {
    forgetKeys();
    throw error;
  }
}

function checkBytes(bytes: Buffer, { maxBytes }: JsonLimits): void {
  if (bytes.length > maxBytes) throw tooLarge(bytes.length, maxBytes);
  if (!isUtf8(bytes)) throw notUtf8();
}

function checkEnd({ bytes }: Scan, { length }: Buffer, at: number): void {
  // Looking behind the last byte would make V8 prepare each look for that.
  const end = at < length ? skipSpace(bytes, at) : at;
  if (end < length) throw notJson(end);
}
