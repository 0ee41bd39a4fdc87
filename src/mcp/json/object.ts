import { skipSpace } from './bytes.ts';
import { Members } from './members.ts';
import { addEscapedKey, addKey, closeObject, openObject } from './open-keys.ts';
import { keyTwice, notJson, unclearText } from './refusals.ts';
import type { Scan } from './scanner.ts';
import { checkDepth, countKey, endOfValue, skipColon } from './scanner.ts';
import type { KnownKey } from './shape.ts';
import { endOfEscaped, endOfPlain } from './strings.ts';
import { valueIn } from './text.ts';

const CLOSE_OBJECT = 0x7d;
const COMMA = 0x2c;
const OPEN_OBJECT = 0x7b;
const QUOTE = 0x22;

/**
 * Index behind the object that begins at `at`.
 *
 * @param depth of objects and arrays that it stands in.
 * @param members take note of what stands in it.
 * @throws what {@link endOfValue} throws.
 */
export function endOfObject(scan: Scan, at: number, depth: number, members: Members): number {
  checkDepth(scan, depth);
  const { bytes } = scan;
  let index = skipSpace(bytes, at + 1);
  if (bytes[index] !== CLOSE_OBJECT) {
    const object = openObject();
    for (;;) {
      index = skipSpace(bytes, endOfMember(scan, index, depth + 1, object, members));
      const byte = bytes[index];
      if (byte === CLOSE_OBJECT) break;
      if (byte !== COMMA) throw notJson(index);
      index = skipSpace(bytes, index + 1);
    }
    closeObject(object);
  }
  members.setSpan(at, index + 1);
  return index + 1;
}

function endOfMember(
  scan: Scan,
  at: number,
  depth: number,
  object: number,
  members: Members,
): number {
  const { bytes } = scan;
  const likely = members.shape.likelyAt(bytes, at, members.last);
  if (likely !== null) {
    countKey(scan, likely.bytes.length);
    const start = skipSpace(bytes, at + likely.written.length);
    return endOfKnown(scan, start, depth, members, likely);
  }
  if (bytes[at] !== QUOTE) throw notJson(at);
  const plain = endOfPlain(scan, at + 1);
  const end = bytes[plain] === QUOTE ? plain : endOfEscaped(scan, plain);
  countKey(scan, end - at - 1);
  const text = plain === end ? null : (valueIn(bytes, at, end + 1) as string);
  const start = skipColon(bytes, end + 1);
  const known = members.shape.find(bytes, at + 1, end, members.last, text);
  if (known !== null) return endOfKnown(scan, start, depth, members, known);
  if (text === null) addKey(object, bytes, at + 1, end);
  else addEscapedKey(object, bytes, text);
  return endOfValue(scan, start, depth);
}

/** Index behind the value of a member of which note is taken. */
function endOfKnown(
  scan: Scan,
  at: number,
  depth: number,
  members: Members,
  key: KnownKey,
): number {
  if (members.has(key)) throw keyTwice();
  const { bytes } = scan;
  const { value } = key;
  if (typeof value === 'object' && bytes[at] === OPEN_OBJECT) {
    const inner = new Members(value, bytes);
    const end = endOfObject(scan, at, depth, inner);
    members.setInner(key, at, end, inner);
    return end;
  }
  const { escaped } = scan;
  const end = endOfValue(scan, at, depth);
  members.set(key, at, end);
  if (value === 'exact' && scan.escaped > escaped) refuseUnclear(valueIn(bytes, at, end));
  return end;
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
