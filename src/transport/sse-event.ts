/** One server-sent event (WHATWG HTML, "Server-sent events"), as it was read. */
import { Gather } from '#lib';
import type { StreamEvent } from './upstream.ts';

/** One event and how it was written. */
export interface SseEvent extends StreamEvent {
  /** `message` unless the event names another type. */
  readonly type: string;
  /**
   * Every parser reads the event alike: known fields alone, no byte order mark, no line that ends in
   * a lone CR.
   */
  readonly plain: boolean;
}

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
const NEWLINE = Buffer.from('\n');

/** Finds line ends in one pass, however often each kind occurs. */
export class LineEnds {
  readonly #bytes: Buffer;
  #lf: number;
  #cr: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#lf = this.#find(LF, at);
    this.#cr = this.#find(CR, at);
  }

  /** Index of the first CR or LF from `at` on, the length of the bytes when there is none. */
  from(at: number): number {
    if (this.#lf < at) this.#lf = this.#find(LF, at);
    if (this.#cr < at) this.#cr = this.#find(CR, at);
    return Math.min(this.#lf, this.#cr);
  }

  #find(byte: number, at: number): number {
    const found = this.#bytes.indexOf(byte, at);
    return found === -1 ? this.#bytes.length : found;
  }
}

/** How nearly every event with a message begins. */
const BEGINNINGS = [Buffer.from('event: message\ndata: '), Buffer.from('data: ')];

/**
 * Reads an event as nearly every server writes one with a message: its type at most, one line of data,
 * a blank line.
 *
 * @param at where an event begins.
 * @returns `null` when it is another, or not whole; {@link readEvent} reads all.
 */
export function readUsualEvent(chunk: Buffer, at: number, ends: LineEnds): SseEvent | null {
  const beginning = BEGINNINGS.find((each) => isAt(chunk, at, each));
  if (beginning === undefined) return null;
  const start = at + beginning.length;
  const end = ends.from(start);
  if (end === start || chunk[end] !== LF || chunk[end + 1] !== LF) return null;
  const wire = chunk.subarray(at, end + 2);
  const message = chunk.subarray(start, end);
  return { wire, message, id: null, type: 'message', plain: true };
}

function isAt(bytes: Buffer, at: number, text: Buffer): boolean {
  for (let index = 0; index < text.length; index += 1) {
    if (bytes[at + index] !== text[index]) return false;
  }
  return true;
}

/**
 * Reads one whole event, blank line included.
 *
 * @param first whether a byte order mark at its start is one: it is at the start of a stream alone.
 */
export function readEvent(wire: Buffer, first: boolean): SseEvent {
  const data = new Gather();
  let dataLines = 0;
  let type = '';
  let id: string | null = null;
  let retryMs: number | null = null;
  const bom = first && wire.subarray(0, BOM.length).equals(BOM);
  let plain = !bom;
  let at = bom ? BOM.length : 0;
  const ends = new LineEnds(wire, at);
  while (at < wire.length) {
    const end = ends.from(at);
    const crlf = wire[end] === CR && wire[end + 1] === LF;
    if (wire[end] === CR && !crlf) plain = false;
    const name = fieldName(wire, at, end);
    if (name === 'data') {
      // The standard ends each data line in an LF and drops the last one.
      if (dataLines > 0) data.append(NEWLINE);
      data.append(valueOf(wire, at + 4, end));
      dataLines += 1;
    } else if (name === 'event') {
      type = valueOf(wire, at + 5, end).toString('utf8');
    } else if (name === 'id') {
      const value = valueOf(wire, at + 2, end).toString('utf8');
      if (value.includes('\0')) plain = false;
      else id = value;
    } else if (name === 'retry') {
      retryMs = millisecondsOf(valueOf(wire, at + 5, end)) ?? retryMs;
    } else if (name !== 'comment' && end > at) {
      plain = false;
    }
    at = end + (crlf ? 2 : 1);
  }
  const message = data.length > 0 ? data.take() : null;
  const event = { wire, message, id, type: type === '' ? 'message' : type, plain };
  return retryMs === null ? event : { ...event, retryMs };
}

/** A field of other characters than digits does not count; nor does one of ten digits and more. */
function millisecondsOf(value: Buffer): number | null {
  const text = value.toString('latin1');
  return /^\d{1,9}$/.test(text) ? Number(text) : null;
}

/** Name of the field in a line; the names of the standard have up to five letters. */
function fieldName(wire: Buffer, at: number, end: number): string {
  if (wire[at] === COLON) return 'comment';
  const head = wire.toString('latin1', at, Math.min(end, at + 6));
  const colon = head.indexOf(':');
  return colon === -1 ? head : head.slice(0, colon);
}

/** What follows the name: nothing, or a colon, one space that does not count, and the value. */
function valueOf(wire: Buffer, afterName: number, end: number): Buffer {
  const start = wire[afterName + 1] === SPACE ? afterName + 2 : afterName + 1;
  return wire.subarray(Math.min(start, end), end);
}
