import { LineReader } from './line-reader.ts';
import { MalformedMessage } from './malformed.ts';
import { readFields } from './wire-fields.ts';

/** What delimits the body of a message (RFC 9112, section 6.3). */
export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' }
  /** Up to the end of the connection; responses alone. */
  | { readonly kind: 'close' };

/**
 * RFC 9112, section 7.1, without the white space that it calls bad. Nobody sends chunks of 4 GiB, and
 * extensions say nothing here.
 */
const CHUNK_SIZE =
  /^([\dA-Fa-f]{1,8})(?:;[!#$%&'*+\-.^_`|~\w]+(?:=(?:[!#$%&'*+\-.^_`|~\w]+|"(?:[\t !#-[\]-~]|\\[\t -~])*"))?)*$/;
/** RFC 9110, section 6.5.1. Some parsers take them all the same, and so the next message for another. */
const NO_TRAILERS = ['content-length', 'transfer-encoding', 'connection', 'upgrade', 'host'];
/** With its extensions. */
const MAX_CHUNK_LINE_BYTES = 1024;

type State = 'length' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailers' | 'rest' | 'over';

/** Parses the body of one message, strictly: what is doubtful is refused. */
export class BodyParser {
  readonly #onData: (chunk: Buffer) => void;
  /** `null` until there are lines to read. */
  #lineReader: LineReader | null = null;
  #state: State;
  /** Bytes of the body or chunk that are still to come. */
  #left = 0;
  /** Of the trailers so far. */
  #lines: string[] = [];
  /** Bytes that the trailers may still have. */
  #trailerBytesLeft: number;

  constructor(framing: Framing, maxTrailerBytes: number, onData: (chunk: Buffer) => void) {
    this.#onData = onData;
    this.#trailerBytesLeft = maxTrailerBytes;
    this.#state = stateFor(framing);
    if (framing.kind === 'length') this.#left = framing.bytes;
  }

  /** Whether the whole body has come. */
  get isOver(): boolean {
    return this.#state === 'over';
  }

  /**
   * Takes bytes from `at` on, up to the end of the body.
   *
   * @returns index behind the last byte that it took.
   * @throws MalformedMessage; what `onData` throws.
   */
  push(bytes: Buffer, at: number): number {
    let next = at;
    while (next < bytes.length && this.#state !== 'over') next = this.#step(bytes, next);
    return next;
  }

  /**
   * The connection has ended.
   *
   * @returns whether that ends the body, and nothing is missing.
   */
  end(): boolean {
    if (this.#state === 'rest') this.#state = 'over';
    return this.#state === 'over';
  }

  get #reader(): LineReader {
    this.#lineReader ??= new LineReader();
    return this.#lineReader;
  }

  #step(bytes: Buffer, at: number): number {
    switch (this.#state) {
      case 'length':
      case 'chunk':
        return this.#readData(bytes, at);
      case 'chunk-size':
      case 'chunk-end':
        return this.#readChunkLine(bytes, at);
      case 'trailers':
        return this.#readTrailer(bytes, at);
      case 'rest':
      case 'over':
        this.#onData(at === 0 ? bytes : bytes.subarray(at));
        return bytes.length;
    }
  }

  #readData(bytes: Buffer, at: number): number {
    const end = Math.min(at + this.#left, bytes.length);
    this.#left -= end - at;
    if (this.#left === 0) this.#state = this.#state === 'length' ? 'over' : 'chunk-end';
    this.#onData(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end));
    return end;
  }

  #readChunkLine(bytes: Buffer, at: number): number {
    const reader = this.#reader;
    const next = reader.read(bytes, at, MAX_CHUNK_LINE_BYTES);
    if (next === -1) return bytes.length;
    if (this.#state === 'chunk-end') this.#endChunk(reader.line);
    else this.#beginChunk(reader.line);
    return next;
  }

  #beginChunk(line: string): void {
    const digits = CHUNK_SIZE.exec(line)?.[1];
    if (digits === undefined) throw new MalformedMessage('a chunk has no proper size');
    this.#left = Number.parseInt(digits, 16);
    this.#state = this.#left === 0 ? 'trailers' : 'chunk';
  }

  #endChunk(line: string): void {
    if (line !== '') throw new MalformedMessage('a chunk is longer than its size');
    this.#state = 'chunk-size';
  }

  #readTrailer(bytes: Buffer, at: number): number {
    const reader = this.#reader;
    const next = reader.read(bytes, at, this.#trailerBytesLeft);
    if (next === -1) return bytes.length;
    const { line } = reader;
    this.#trailerBytesLeft -= line.length + 2;
    this.#lines.push(line);
    if (line === '') this.#endTrailers();
    return next;
  }

  #endTrailers(): void {
    const { headers: trailers } = readFields(`${this.#lines.join('\r\n')}\r\n`, 0);
    if (NO_TRAILERS.some((name) => name in trailers)) {
      throw new MalformedMessage('its trailers have what only a head may have');
    }
    this.#state = 'over';
  }
}

function stateFor(framing: Framing): State {
  switch (framing.kind) {
    case 'none':
      return 'over';
    case 'length':
      return framing.bytes === 0 ? 'over' : 'length';
    case 'chunked':
      return 'chunk-size';
    case 'close':
      return 'rest';
  }
}
