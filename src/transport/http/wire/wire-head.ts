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

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
/** RFC 9110, section 5.6.2 */
const NAME = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/;
/**
 * RFC 9110, section 5.5: no control characters, no CR or LF by itself, no NUL. Tabs around it are not
 * trimmed by every parser.
 */
const VALUE = /^(?!\t)[\t\x20-\x7e\x80-\xff]*(?<!\t)$/;
const SPACE = 0x20;
const DIGITS = /^\d{1,15}$/;
const NO_BODY: Framing = { kind: 'none' };
const CHUNKED: Framing = { kind: 'chunked' };
const TO_THE_END: Framing = { kind: 'close' };

/**
 * Reads the head of a response.
 *
 * @param lines the status line and the fields, without the line ends.
 * @throws MalformedResponse also for what RFC 9112 lets a recipient mend: two parsers would mend it
 *   differently, and one response would be two.
 */
export function readWireHead(lines: readonly string[]): WireHead {
  const match = STATUS_LINE.exec(lines[0] ?? '');
  if (match === null) throw new MalformedResponse('its status line is none');
  const isOld = match[1] === '0';
  const status = Number(match[2]);
  const headers = readFields(lines, 1);
  const framing = framingOf(status, isOld, headers);
  const keepAlive = framing.kind !== 'close' && keepsAlive(isOld, headers);
  return { status, headers, framing, keepAlive };
}

/**
 * Header or trailer fields from the line `first` on.
 *
 * @throws MalformedResponse
 */
export function readFields(lines: readonly string[], first: number): IncomingHttpHeaders {
  const headers: IncomingHttpHeaders = Object.create(null) as IncomingHttpHeaders;
  for (let index = first; index < lines.length; index += 1) {
    const line = lines[index] as string;
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0)).toLowerCase();
    // A space before the colon, and a line that goes on with the one before, are no names either.
    if (!NAME.test(name)) throw new MalformedResponse('a header field has no proper name');
    const value = withoutSpaces(line, colon + 1);
    if (!VALUE.test(value)) throw new MalformedResponse('a header field has a control character');
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    else headers[name] = Array.isArray(before) ? [...before, value] : [before, value];
  }
  return headers;
}

/** The text from `from` on without the spaces around it (OWS; RFC 9110, section 5.6.3). */
function withoutSpaces(line: string, from: number): string {
  let start = from;
  let end = line.length;
  while (start < end && line.charCodeAt(start) === SPACE) start += 1;
  while (end > start && line.charCodeAt(end - 1) === SPACE) end -= 1;
  return line.slice(start, end);
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
function keepsAlive(isOld: boolean, { connection }: IncomingHttpHeaders): boolean {
  const text = String(connection).toLowerCase();
  const options = new Set(text.split(',').map((option) => option.trim()));
  return !options.has('close') && (!isOld || options.has('keep-alive'));
}
