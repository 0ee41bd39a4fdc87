import { LineReader } from './line-reader.ts';
import { MalformedResponse } from './malformed.ts';
import type { WireHead } from './wire-head.ts';
import { readFields, readWireHead } from './wire-head.ts';

/** Hears of the parts of a response as they come. */
export interface ResponseParts {
  /** Called for the final response alone, not for those before it (1xx). */
  onHead(head: WireHead): void;
  onData(chunk: Buffer): void;
  onEnd(): void;
}

/**
 * RFC 9112, section 7.1, without the white space that it calls bad. Nobody sends chunks of 4 GiB, and
 * extensions say nothing to a client.
 */
const CHUNK_SIZE =
  /^([\dA-Fa-f]{1,8})(?:;[!#$%&'*+\-.^_`|~\w]+(?:=(?:[!#$%&'*+\-.^_`|~\w]+|"(?:[\t !#-[\]-~]|\\[\t -~])*"))?)*$/;
const BEGINNING = 'HTTP/1.';
const HEAD_END = Buffer.from('\r\n\r\n');
/** With its extensions. */
const MAX_CHUNK_LINE_BYTES = 1024;
/** Responses before the final one. */
const MAX_INTERIM = 32;

type State = 'head' | 'body' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailers' | 'rest' | 'over';

/** Parses one HTTP/1.1 response (RFC 9112), strictly: what is doubtful is refused. */
export class ResponseParser {
  readonly #parts: ResponseParts;
  readonly #maxHeaderBytes: number;
  readonly #reader = new LineReader();
  #state: State = 'head';
  /** Of the head or the trailers so far. */
  #lines: string[] = [];
  /** Bytes that the head or the trailers may still have. */
  #headerBytesLeft: number;
  #interim = 0;
  /** Bytes of the body or chunk that are still to come. */
  #left = 0;

  constructor(parts: ResponseParts, maxHeaderBytes: number) {
    this.#parts = parts;
    this.#maxHeaderBytes = maxHeaderBytes;
    this.#headerBytesLeft = maxHeaderBytes;
  }

  /** Whether the whole response has come. */
  get isOver(): boolean {
    return this.#state === 'over';
  }

  /**
   * Takes the next bytes.
   *
   * @throws MalformedResponse, also for bytes behind the response; what `parts` throw.
   */
  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) at = this.#step(bytes, at);
  }

  /**
   * The connection has ended.
   *
   * @returns whether that ends the response, and nothing is missing.
   */
  end(): boolean {
    if (this.#state === 'rest') this.#finish();
    return this.#state === 'over';
  }

  /** Index of the first byte that is still to be looked at. */
  #step(bytes: Buffer, at: number): number {
    switch (this.#state) {
      case 'head':
      case 'trailers':
        return this.#readHeader(bytes, at);
      case 'chunk-size':
      case 'chunk-end':
        return this.#readChunkLine(bytes, at);
      case 'body':
      case 'chunk':
        return this.#readData(bytes, at);
      case 'rest':
        this.#parts.onData(bytes.subarray(at));
        return bytes.length;
      case 'over':
        throw new MalformedResponse('bytes follow it that nobody asked for');
    }
  }

  #readHeader(bytes: Buffer, at: number): number {
    // Nearly every head comes in one piece.
    if (this.#state === 'head' && this.#lines.length === 0 && this.#reader.isBetweenLines) {
      const end = bytes.indexOf(HEAD_END, at);
      if (end !== -1 && end + HEAD_END.length - at <= this.#headerBytesLeft) {
        const behind = end + HEAD_END.length;
        this.#begin(readWireHead(bytes.toString('latin1', at, behind)));
        return behind;
      }
    }
    return this.#readHeaderLine(bytes, at);
  }

  /** Line by line, so that what is no HTTP is found before it has come whole. */
  #readHeaderLine(bytes: Buffer, at: number): number {
    const next = this.#reader.read(bytes, at, this.#headerBytesLeft);
    const line = next === -1 ? this.#reader.begun(BEGINNING.length) : this.#reader.line;
    if (this.#state === 'head' && this.#lines.length === 0) checkBeginning(line);
    if (next === -1) return bytes.length;
    this.#headerBytesLeft -= line.length + 2;
    this.#lines.push(line);
    if (line === '') this.#endHeader();
    return next;
  }

  #endHeader(): void {
    const text = `${this.#lines.join('\r\n')}\r\n`;
    this.#lines = [];
    this.#headerBytesLeft = this.#maxHeaderBytes;
    if (this.#state === 'head') {
      this.#begin(readWireHead(text));
    } else {
      const trailers = readFields(text, 0);
      // RFC 9110, section 6.5.1
      if ('content-length' in trailers || 'transfer-encoding' in trailers) {
        throw new MalformedResponse('its trailers say how long it is');
      }
      this.#finish();
    }
  }

  #begin(head: WireHead): void {
    if (head.status < 200) {
      this.#interim += 1;
      if (head.status !== 101 && head.keepAlive && this.#interim <= MAX_INTERIM) return;
      throw new MalformedResponse(`its status ${head.status} was not asked for`);
    }
    const { framing } = head;
    this.#state = 'over';
    if (framing.kind === 'chunked') this.#state = 'chunk-size';
    else if (framing.kind === 'close') this.#state = 'rest';
    else if (framing.kind === 'length' && framing.bytes > 0) {
      this.#state = 'body';
      this.#left = framing.bytes;
    }
    this.#parts.onHead(head);
    if (this.#state === 'over') this.#parts.onEnd();
  }

  #readChunkLine(bytes: Buffer, at: number): number {
    const next = this.#reader.read(bytes, at, MAX_CHUNK_LINE_BYTES);
    if (next === -1) return bytes.length;
    if (this.#state === 'chunk-end') this.#endChunk(this.#reader.line);
    else this.#beginChunk(this.#reader.line);
    return next;
  }

  #beginChunk(line: string): void {
    const digits = CHUNK_SIZE.exec(line)?.[1];
    if (digits === undefined) throw new MalformedResponse('a chunk has no proper size');
    this.#left = Number.parseInt(digits, 16);
    this.#state = this.#left === 0 ? 'trailers' : 'chunk';
  }

  #endChunk(line: string): void {
    if (line !== '') throw new MalformedResponse('a chunk is longer than its size');
    this.#state = 'chunk-size';
  }

  #readData(bytes: Buffer, at: number): number {
    const end = Math.min(at + this.#left, bytes.length);
    this.#left -= end - at;
    this.#parts.onData(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end));
    if (this.#left > 0) return end;
    if (this.#state === 'body') this.#finish();
    else this.#state = 'chunk-end';
    return end;
  }

  #finish(): void {
    this.#state = 'over';
    this.#parts.onEnd();
  }
}

/** Whoever speaks another protocol may wait for an answer, or end the connection after one line. */
function checkBeginning(line: string): void {
  if (!line.startsWith(BEGINNING.slice(0, line.length || 1))) {
    throw new MalformedResponse('it does not begin as HTTP/1.1 does');
  }
}
