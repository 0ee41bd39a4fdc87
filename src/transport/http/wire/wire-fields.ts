import type { IncomingHttpHeaders } from 'node:http';
import { MalformedMessage } from './malformed.ts';

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const COLON = 0x3a;
const DELETE = 0x7f;
/** Characters of field names (RFC 9110, section 5.6.2) are not 0, upper-case letters are 2. */
const NAME_CHARACTERS = nameCharacters();

/** Header or trailer fields. */
export interface Fields {
  /** Names in lower case; a field that came more than once has all its values. */
  readonly headers: IncomingHttpHeaders;
  /** Names of those that came more than once; `null` when none did. */
  repeated: string[] | null;
  /** How many lines they took. */
  count: number;
}

/**
 * Reads header or trailer fields.
 *
 * @param text has them from `at` on, and ends with the empty line.
 * @throws MalformedMessage
 */
export function readFields(text: string, at: number): Fields {
  const headers = Object.create(null) as IncomingHttpHeaders;
  const fields: Fields = { headers, repeated: null, count: 0 };
  const end = text.length - 2;
  let next = at;
  while (next < end) next = readField(text, next, fields);
  return fields;
}

/**
 * Adds the field in the line that begins at `start`.
 *
 * @returns where the next line begins.
 */
function readField(text: string, start: number, fields: Fields): number {
  let colon = start;
  let marks = 0;
  for (; ; colon += 1) {
    const mark = NAME_CHARACTERS[text.charCodeAt(colon)] as number;
    if (mark === 0) break;
    marks |= mark;
  }
  // A space before the colon, and a line that goes on with the one before, are no names either.
  if (colon === start || text.charCodeAt(colon) !== COLON) {
    throw new MalformedMessage('a header field has no proper name');
  }
  const written = text.slice(start, colon);
  const name = (marks & 2) === 0 ? written : written.toLowerCase();
  // Without the spaces around it (OWS; RFC 9110, section 5.6.3).
  let first = colon + 1;
  while (text.charCodeAt(first) === SPACE) first += 1;
  let behind = first;
  let index = first;
  for (; ; index += 1) {
    const code = text.charCodeAt(index);
    if ((code < SPACE && code !== TAB) || code === DELETE) break;
    if (code !== SPACE) behind = index + 1;
  }
  // RFC 9110, section 5.5: no control characters, no CR or LF by itself, no NUL. Tabs around it are not
  // trimmed by every parser.
  const isClean =
    text.charCodeAt(index) === CARRIAGE_RETURN &&
    text.charCodeAt(index + 1) === LINE_FEED &&
    text.charCodeAt(first) !== TAB &&
    (behind === first || text.charCodeAt(behind - 1) !== TAB);
  if (!isClean) throw new MalformedMessage('a header field has a control character');
  addField(fields, name, text.slice(first, behind));
  return index + 2;
}

function addField(fields: Fields, name: string, value: string): void {
  const { headers } = fields;
  fields.count += 1;
  const before = headers[name];
  if (before === undefined) {
    headers[name] = value;
  } else if (Array.isArray(before)) {
    before.push(value);
  } else {
    headers[name] = [before, value];
    fields.repeated ??= [];
    fields.repeated.push(name);
  }
}

function nameCharacters(): Uint8Array {
  const marks = new Uint8Array(256);
  for (const character of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") {
    marks[character.charCodeAt(0)] = 1;
  }
  for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') marks[character.charCodeAt(0)] = 2;
  return marks;
}
