/** A strict reading of HTTP/1.1 responses (RFC 9112), for a client that never pipelines. */

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

const MAX_RESPONSE_BYTES = 1024 * 1024;
const END_OF_HEAD = Buffer.from('\r\n\r\n');

/** Collects the bytes of one connection and gives out responses. */
export class ResponseReader {
  #pending: Buffer | null = null;
  #lastHead: { readonly bytes: Buffer; readonly head: ResponseHead } | null = null;

  /**
   * Takes what arrived.
   *
   * @returns the response when it is complete, else `null`.
   * @throws Error for anything that is not exactly one well-formed response.
   */
  push(chunk: Buffer): Response | null {
    const bytes = this.#pending === null ? chunk : Buffer.concat([this.#pending, chunk]);
    const response = this.#read(bytes);
    if (response === null && bytes.length > MAX_RESPONSE_BYTES) {
      throw new Error('the response is too long');
    }
    this.#pending = response === null ? bytes : null;
    return response;
  }

  #read(bytes: Buffer): Response | null {
    const end = bytes.indexOf(END_OF_HEAD);
    if (end === -1) return null;
    const head = this.#headOf(bytes.subarray(0, end));
    const rest = bytes.subarray(end + END_OF_HEAD.length);
    const body = head.contentLength === null ? dechunk(rest) : sized(rest, head.contentLength);
    return body === null ? null : { head, body };
  }

  /** Most heads repeat the one before, so comparing saves reading them. */
  #headOf(bytes: Buffer): ResponseHead {
    if (this.#lastHead?.bytes.equals(bytes) === true) return this.#lastHead.head;
    const head = readHead(bytes.toString('latin1'));
    this.#lastHead = { bytes: Buffer.from(bytes), head };
    return head;
  }
}

function readHead(text: string): ResponseHead {
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

function sized(bytes: Buffer, length: number): Buffer | null {
  if (bytes.length < length) return null;
  if (bytes.length > length) throw new Error('bytes after the end of the response');
  return bytes;
}

/** The content of a chunked body that has to end where the bytes end; `null` when it goes on. */
function dechunk(bytes: Buffer): Buffer | null {
  const parts: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at, 'latin1');
    if (lineEnd === -1) return null;
    const line = bytes.toString('latin1', at, lineEnd);
    if (!/^[\da-f]{1,6}$/i.test(line)) throw new Error(`no chunk size: ${line.slice(0, 80)}`);
    const size = Number.parseInt(line, 16);
    const from = lineEnd + 2;
    const to = from + size;
    if (bytes.length < to + 2) return null;
    if (bytes[to] !== 0x0d || bytes[to + 1] !== 0x0a) throw new Error('a chunk has no end');
    at = to + 2;
    if (size === 0) break;
    parts.push(bytes.subarray(from, to));
  }
  if (bytes.length > at) throw new Error('bytes after the end of the response');
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? only : Buffer.concat(parts);
}

/**
 * The messages of an event stream that has ended: the data of each event that has any.
 *
 * @throws Error for data over several lines, which no MCP server sends.
 */
export function messagesOf(stream: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  let open = false;
  for (let at = 0; at < stream.length;) {
    const newline = stream.indexOf(0x0a, at);
    const end = newline === -1 ? stream.length : newline;
    const line = stream.subarray(at, stream[end - 1] === 0x0d ? end - 1 : end);
    at = end + 1;
    if (line.length === 0) open = false;
    if (line.toString('latin1', 0, 5) !== 'data:') continue;
    if (open) throw new Error('an event has data over several lines');
    open = true;
    const data = line.subarray(line[5] === 0x20 ? 6 : 5);
    if (data.length > 0) messages.push(data);
  }
  return messages;
}
