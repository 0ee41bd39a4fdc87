import type { IncomingHttpHeaders } from 'node:http';
import { MalformedResponse } from './malformed.ts';

/** What delimits the body of a response (RFC 9112, section 6.3). */
export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' }
  /** Up to the end of the connection. */
  | { readonly kind: 'close' };

/** What the status line and the header fields of a response say. */
export interface WireHead {
  readonly status: number;
  /** Names in lower case; a field that came more than once has all its values. */
  readonly headers: IncomingHttpHeaders;
  readonly framing: Framing;
  /** Whether the server takes another request on the connection. */
  readonly keepAlive: boolean;
}

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?\r\n/;
const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const COLON = 0x3a;
const DELETE = 0x7f;
/** Characters of field names (RFC 9110, section 5.6.2) are not 0, upper-case letters are 2. */
const NAME_CHARACTERS = nameCharacters();
const DIGITS = /^\d{1,15}$/;
const NO_BODY: Framing = { kind: 'none' };
const CHUNKED: Framing = { kind: 'chunked' };
const TO_THE_END: Framing = { kind: 'close' };

/**
 * Reads the head of a response.
 *
 * @param text the status line, the fields, and the empty line, each with CR and LF; Latin-1.
 * @throws MalformedResponse also for what RFC 9112 lets a recipient mend: two parsers would mend it
 *   differently, and one response would be two.
 */
export function readWireHead(text: string): WireHead {
  const match = STATUS_LINE.exec(text);
  if (match === null) throw new MalformedResponse('its status line is none');
  const isOld = match[1] === '0';
  const status = Number(match[2]);
  const headers = readFields(text, match[0].length);
  const framing = framingOf(status, isOld, headers);
  const keepAlive = framing.kind !== 'close' && keepsAlive(isOld, headers);
  return { status, headers, framing, keepAlive };
}

/**
 * Header or trailer fields.
 *
 * @param text has them from `at` on, and ends with the empty line.
 * @throws MalformedResponse
 */
export function readFields(text: string, at: number): IncomingHttpHeaders {
  const headers: IncomingHttpHeaders = Object.create(null) as IncomingHttpHeaders;
  const end = text.length - 2;
  let next = at;
  while (next < end) next = readField(text, next, headers);
  return headers;
}

/**
 * Adds the field in the line that begins at `start`.
 *
 * @returns where the next line begins.
 */
function readField(text: string, start: number, headers: IncomingHttpHeaders): number {
  let colon = start;
  let marks = 0;
  for (; ; colon += 1) {
    const mark = NAME_CHARACTERS[text.charCodeAt(colon)] as number;
    if (mark === 0) break;
    marks |= mark;
  }
  // A space before the colon, and a line that goes on with the one before, are no names either.
  if (colon === start || text.charCodeAt(colon) !== COLON) {
    throw new MalformedResponse('a header field has no proper name');
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
  if (!isClean) throw new MalformedResponse('a header field has a control character');
  const value = text.slice(first, behind);
  const before = headers[name];
  if (before === undefined) headers[name] = value;
  else headers[name] = Array.isArray(before) ? [...before, value] : [before, value];
  return index + 2;
}

function nameCharacters(): Uint8Array {
  const marks = new Uint8Array(256);
  for (const character of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") {
    marks[character.charCodeAt(0)] = 1;
  }
  for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') marks[character.charCodeAt(0)] = 2;
  return marks;
}

/** RFC 9112, section 6.3, with its exceptions for servers that contradict themselves left out. */
function framingOf(status: number, isOld: boolean, headers: IncomingHttpHeaders): Framing {
  const length = headers['content-length'];
  const coding = headers['transfer-encoding'] as string | string[] | undefined;
  if (Array.isArray(length) || (length !== undefined && !DIGITS.test(length))) {
    throw new MalformedResponse('its content-length is no length');
  }
  if (coding !== undefined) {
    if (length !== undefined) throw new MalformedResponse('it has a length and a transfer coding');
    if (isOld || Array.isArray(coding) || coding.toLowerCase() !== 'chunked') {
      throw new MalformedResponse('its transfer coding is not chunked alone');
    }
  }
  if (status < 200 || status === 204 || status === 304) return NO_BODY;
  if (coding !== undefined) return CHUNKED;
  return length === undefined ? TO_THE_END : { kind: 'length', bytes: Number(length) };
}

/** RFC 9112, section 9.3 */
function keepsAlive(isOld: boolean, headers: IncomingHttpHeaders): boolean {
  const connection = headers['connection'] as string | string[] | undefined;
  if (connection === undefined) return !isOld;
  if (connection === 'keep-alive') return true;
  const text = String(connection).toLowerCase();
  const options = new Set(text.split(',').map((option) => option.trim()));
  return !options.has('close') && (!isOld || options.has('keep-alive'));
}
