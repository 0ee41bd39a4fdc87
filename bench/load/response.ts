/** A strict reading of HTTP/1.1 responses (RFC 9112), for a client that never pipelines. */
import { ChunkedBody } from './chunked-body.ts';
import { EventReader } from './event-reader.ts';

/** One whole response. */
export interface Response {
  readonly head: ResponseHead;
  readonly body: Buffer;
}

/** What the benchmark needs of a head. */
export interface ResponseHead {
  readonly status: number;
  /** Media type without parameters, lower case. */
  readonly mediaType: string;
  readonly sessionId: string | null;
  /** `null` when the body is chunked. */
  readonly contentLength: number | null;
}

const MAX_HEAD_BYTES = 64 * 1024;
const MAX_BODY_BYTES = 16 * 1024 * 1024;
const END_OF_HEAD = Buffer.from('\r\n\r\n');

/** Collects the bytes of one connection and gives out responses. */
export class ResponseReader {
  #head: Buffer | null = null;
  #body: Body | null = null;
  #lastHead: { readonly bytes: Buffer; readonly head: ResponseHead } | null = null;

  /**
   * Takes what arrived.
   *
   * @returns the response when it is complete, else `null`.
   * @throws Error for anything that is not exactly one well-formed response.
   */
  push(chunk: Buffer): Response | null {
    const rest = this.#body === null ? this.#pushHead(chunk) : chunk;
    const body = this.#body;
    if (rest === null || body === null) return null;
    const whole = body.push(rest);
    if (whole === null) return null;
    this.#body = null;
    return { head: body.head, body: whole };
  }

  /** @returns what came after the head, `null` while that is not complete. */
  #pushHead(chunk: Buffer): Buffer | null {
    const bytes = this.#head === null ? chunk : Buffer.concat([this.#head, chunk]);
    const end = bytes.indexOf(END_OF_HEAD);
    if (end === -1) {
      if (bytes.length > MAX_HEAD_BYTES) throw new Error('the head is too long');
      this.#head = bytes;
      return null;
    }
    this.#head = null;
    const head = this.#headOf(bytes.subarray(0, end));
    this.#body = new Body(head);
    return bytes.subarray(end + END_OF_HEAD.length);
  }

  /** Most heads repeat the one before, so comparing saves reading them. */
  #headOf(bytes: Buffer): ResponseHead {
    if (this.#lastHead?.bytes.equals(bytes) === true) return this.#lastHead.head;
    const head = readHead(bytes.toString('latin1'));
    this.#lastHead = { bytes: Buffer.from(bytes), head };
    return head;
  }
}

/** The parts of one body, put together once when the last has come. */
class Body {
  readonly head: ResponseHead;
  readonly #chunked: ChunkedBody | null;
  readonly #parts: Buffer[] = [];
  #length = 0;

  constructor(head: ResponseHead) {
    this.head = head;
    this.#chunked = head.contentLength === null ? new ChunkedBody() : null;
  }

  push(bytes: Buffer): Buffer | null {
    if (this.#chunked === null) this.#add(bytes);
    else for (const part of this.#chunked.push(bytes)) this.#add(part);
    const { contentLength } = this.head;
    if (contentLength !== null && this.#length > contentLength) {
      throw new Error('bytes after the end of the response');
    }
    if (this.#chunked?.ended ?? this.#length === contentLength) {
      const [only] = this.#parts;
      return this.#parts.length === 1 && only !== undefined ? only : Buffer.concat(this.#parts);
    }
    return null;
  }

  #add(part: Buffer): void {
    this.#parts.push(part);
    this.#length += part.length;
    if (this.#length > MAX_BODY_BYTES) throw new Error('the response is too long');
  }
}

/** @throws Error for what is no head of an HTTP/1.1 response. */
export function readHead(text: string): ResponseHead {
  const [statusLine = '', ...lines] = text.split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3})(?: |$)/.exec(statusLine)?.[1]);
  if (Number.isNaN(status)) throw new Error(`no status line: ${statusLine.slice(0, 80)}`);
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw new Error(`no header: ${line}`);
    headers.set(name.toLowerCase(), value);
  }
  return {
    status,
    mediaType: (headers.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '',
    sessionId: headers.get('mcp-session-id') ?? null,
    contentLength: contentLengthOf(status, headers),
  };
}

function contentLengthOf(status: number, headers: ReadonlyMap<string, string>): number | null {
  const length = headers.get('content-length');
  const coding = headers.get('transfer-encoding');
  if (length !== undefined && coding !== undefined) throw new Error('two lengths of one body');
  if (coding !== undefined) {
    if (coding.toLowerCase() !== 'chunked') throw new Error(`transfer-encoding ${coding}`);
    return null;
  }
  if (length === undefined) {
    if (status === 204 || status === 304) return 0;
    throw new Error('the body has no length');
  }
  if (!/^\d{1,9}$/.test(length)) throw new Error(`content-length ${length}`);
  return Number(length);
}

/**
 * The messages of an event stream that has ended: the data of each event that has any.
 *
 * @throws Error for data over several lines, which no MCP server sends.
 */
export function messagesOf(stream: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  const events = new EventReader((data) => messages.push(data));
  events.push(stream);
  events.end();
  return messages;
}
