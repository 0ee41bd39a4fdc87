/** Server-sent events (WHATWG HTML, "Server-sent events"), read and written byte for byte. */
import { UpstreamMessageTooLarge } from './errors.ts';
import type { SseEvent } from './sse-event.ts';
import { LineEnds, readEvent, readUsualEvent } from './sse-event.ts';
import { formatBytes, Gather } from '#lib';

const LF = 0x0a;
const CR = 0x0d;
const EMPTY = Buffer.alloc(0);
const BLANK_LINE = Buffer.from('\n\n');

/** Lines of one event: each costs about 100 ns, and a message needs one. */
const MAX_LINES = 262_144;

/** A comment: keeps a silent stream open and carries nothing. */
export const SSE_HEARTBEAT: Buffer = Buffer.from(': keep-alive\n\n');

/**
 * Splits a stream into events, whatever the chunks. The `wire` of all events together is the stream,
 * but for an unfinished event at its end, which the standard discards.
 */
export class SseParser {
  readonly #maxBytes: number;
  readonly #pending = new Gather();
  #first = true;
  #lines = 0;
  /** The current line began in an earlier chunk. */
  #midLine = false;
  /** The current event has a line that is not blank; blank lines before that end nothing. */
  #content = false;
  /** The last line of the current event ended in a CR without LF. */
  #loneCr = false;
  /** The last chunk ended in a CR, which ended this and whose LF may still come. */
  #cr: 'nothing' | 'line' | 'event' = 'nothing';

  /** @param maxBytes largest event, fields and line ends included. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Nothing of an event has come, blank lines before it included. */
  get #isBetweenEvents(): boolean {
    return this.#pending.length === 0 && this.#lines === 0;
  }

  /**
   * Reads the next bytes and appends the events that they complete.
   *
   * @throws UpstreamMessageTooLarge when an event exceeds the bound; the parser is then spent.
   */
  push(chunk: Buffer, events: SseEvent[]): void {
    if (chunk.length === 0) return;
    let at = this.#cr === 'nothing' ? 0 : this.#afterCr(chunk, events);
    // Where the current event begins in this chunk: an LF taken above is the end of a line of it,
    // unless it completed the event before.
    let start = this.#pending.length === 0 ? at : 0;
    const ends = new LineEnds(chunk, at);
    while (at < chunk.length) {
      const usual = at === start && this.#isBetweenEvents ? readUsualEvent(chunk, at, ends) : null;
      if (usual !== null) {
        this.#checkSize(usual.wire.length);
        events.push(usual);
        this.#first = false;
        at += usual.wire.length;
        start = at;
        continue;
      }
      const end = ends.from(at);
      const blank = !this.#midLine && end === at;
      this.#midLine = end === chunk.length;
      if (this.#midLine) break;
      at = this.#endLine(chunk, end, blank);
      if (blank && this.#content && this.#cr === 'nothing') {
        events.push(this.#finish(chunk.subarray(start, at)));
        start = at;
      }
      if (!blank) this.#content = true;
    }
    this.#keep(chunk.subarray(start));
  }

  /** The stream has ended: completes an event that waited for the LF after its last CR. */
  end(events: SseEvent[]): void {
    if (this.#cr === 'event') events.push(this.#finish(EMPTY));
  }

  /** A CR ended the last chunk: takes the LF that belongs to it, if that is what follows. */
  #afterCr(chunk: Buffer, events: SseEvent[]): number {
    const taken = chunk[0] === LF ? 1 : 0;
    if (this.#cr === 'event') events.push(this.#finish(chunk.subarray(0, taken)));
    else this.#loneCr = taken === 0;
    this.#cr = 'nothing';
    return taken;
  }

  /** Index after the line end at `end`. */
  #endLine(chunk: Buffer, end: number, blank: boolean): number {
    this.#lines += 1;
    if (this.#lines > MAX_LINES) throw tooLarge(`${MAX_LINES} lines`);
    if (chunk[end] === LF) {
      this.#loneCr = false;
      return end + 1;
    }
    // Where lines end in a lone CR, so does the event: waiting for an LF could wait for ever.
    if (blank && (this.#loneCr || !this.#content)) return end + 1;
    if (end + 1 === chunk.length) {
      this.#cr = blank ? 'event' : 'line';
      return end + 1;
    }
    this.#loneCr = chunk[end + 1] !== LF;
    return this.#loneCr ? end + 1 : end + 2;
  }

  #finish(tail: Buffer): SseEvent {
    this.#keep(tail);
    const event = readEvent(this.#pending.take(), this.#first);
    this.#first = false;
    this.#lines = 0;
    this.#content = false;
    this.#loneCr = false;
    this.#cr = 'nothing';
    return event;
  }

  #keep(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#checkSize(this.#pending.length + bytes.length);
    this.#pending.append(bytes);
  }

  #checkSize(bytes: number): void {
    if (bytes > this.#maxBytes) throw tooLarge(formatBytes(this.#maxBytes));
  }
}

/**
 * One message as an event. Line ends in the message (JSON has them between tokens alone) become
 * several data lines, which a reader joins again.
 *
 * @param id event id, without line ends and NUL.
 */
export function formatEvent(message: Buffer, id: string | null = null): Buffer {
  if (id !== null && /[\r\n\0]/.test(id)) throw new TypeError('an event id is one line');
  const head = id === null ? 'event: message\ndata: ' : `event: message\nid: ${id}\ndata: `;
  const oneLine = !message.includes(LF) && !message.includes(CR);
  const data = oneLine
    ? message
    : Buffer.from(message.toString('latin1').replace(/\r\n|\r|\n/g, '\ndata: '), 'latin1');
  return Buffer.concat([Buffer.from(head), data, BLANK_LINE]);
}

function tooLarge(bound: string): Error {
  return new UpstreamMessageTooLarge(`the server sent an event of more than ${bound}`);
}
