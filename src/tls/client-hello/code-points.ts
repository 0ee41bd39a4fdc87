import type { Cursor } from './cursor.ts';

/** Code points in one list. Scanners that offer every registered cipher suite send about 370. */
const MAX_CODE_POINTS = 512;

/**
 * True for the values that clients send to keep servers tolerant: 0x0A0A, 0x1A1A, ..., 0xFAFA
 * (RFC 8701 §2).
 */
export function isGrease(value: number): boolean {
  return (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff);
}

/** The two-byte code points of a list that must not be empty, in order and without GREASE. */
export function readCodePoints(list: Cursor, what: string): number[] {
  const values: number[] = [];
  if (list.length === 0) list.fail(`${what} is empty`);
  if (list.length > 2 * MAX_CODE_POINTS) list.fail(`${what} is too long`);
  while (list.hasMore()) keepUnlessGrease(list.u16(what), values, list);
  return values;
}

/** The groups of a list of KeyShareEntry, which may be empty (RFC 8446 §4.2.8). */
export function readKeyShareGroups(list: Cursor): number[] {
  const groups: number[] = [];
  for (let count = 1; list.hasMore(); count += 1) {
    if (count > MAX_CODE_POINTS) list.fail('key_share has too many entries');
    keepUnlessGrease(list.u16('key_share'), groups, list);
    if (list.vector16('key_share').length === 0) list.fail('a key share is empty');
  }
  return groups;
}

function keepUnlessGrease(value: number, values: number[], cursor: Cursor): void {
  if (isGrease(value)) cursor.findings.grease = true;
  else values.push(value);
}
