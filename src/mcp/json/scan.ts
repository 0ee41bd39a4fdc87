import { isUtf8 } from 'node:buffer';
import { skipSpace } from './bytes.ts';
import type { JsonLimits } from './limits.ts';
import { Members } from './members.ts';
import { endOfObject } from './object.ts';
import { notJson, notUtf8, tooLarge } from './refusals.ts';
import type { Scan } from './scanner.ts';
import { endOfValue, newScan } from './scanner.ts';
import type { Shape } from './shape.ts';

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
 * @param shape what is known of the text when it is an object.
 * @returns where its members stand, `null` when it is no object.
 * @throws FrameTooLarge, FrameInvalidJson, FrameTooDeep, FrameTooManyKeys, FrameTokenTooLong or
 *   FrameAmbiguous.
 */
export function scanObject(bytes: Buffer, limits: JsonLimits, shape: Shape): Members | null {
  checkBytes(bytes, limits);
  const start = skipSpace(bytes, 0);
  const members = bytes[start] === OPEN_OBJECT ? new Members(shape, bytes) : null;
  checkEnd(bytes, endOf(newScan(bytes, limits), start, 0, members));
  return members;
}

/**
 * As {@link scanObject}, for an array.
 *
 * @param shape what is known of an element when it is an object.
 * @param onElement hears of each element, from `start` on up to `end`.
 * @returns whether it is an array.
 */
export function scanArray(
  bytes: Buffer,
  limits: JsonLimits,
  shape: Shape,
  onElement: (start: number, end: number, members: Members | null) => void,
): boolean {
  checkBytes(bytes, limits);
  const scan = newScan(bytes, limits);
  let index = skipSpace(bytes, 0);
  const isArray = bytes[index] === OPEN_ARRAY;
  if (!isArray) {
    checkEnd(bytes, endOfValue(scan, index, 0));
    return false;
  }
  index = skipSpace(bytes, index + 1);
  let more = bytes[index] !== CLOSE_ARRAY;
  while (more) {
    const members = bytes[index] === OPEN_OBJECT ? new Members(shape, bytes) : null;
    const end = endOf(scan, index, 1, members);
    onElement(index, end, members);
    index = skipSpace(bytes, end);
    more = bytes[index] === COMMA;
    if (more) index = skipSpace(bytes, index + 1);
    else if (bytes[index] !== CLOSE_ARRAY) throw notJson(index);
  }
  checkEnd(bytes, index + 1);
  return true;
}

function endOf(scan: Scan, at: number, depth: number, members: Members | null): number {
  return members === null ? endOfValue(scan, at, depth) : endOfObject(scan, at, depth, members);
}

function checkBytes(bytes: Buffer, { maxBytes }: JsonLimits): void {
  if (bytes.length > maxBytes) throw tooLarge(bytes.length, maxBytes);
  if (!isUtf8(bytes)) throw notUtf8();
}

function checkEnd(bytes: Buffer, at: number): void {
  const end = skipSpace(bytes, at);
  if (end < bytes.length) throw notJson(end);
}
