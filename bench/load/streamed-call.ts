/** The call whose answer is a long event stream: what is asked, and what has to come. */
import { ChunkedBody } from './chunked-body.ts';
import { EventReader } from './event-reader.ts';
import type { Target } from './plan.ts';
import { STREAM_BYTES, STREAM_MESSAGE_BYTES } from './plan.ts';
import { postRequest } from './post-request.ts';
import { readHead } from './response.ts';
import { Template } from './template.ts';

/** The tool's argument that asks for the stream. */
export const STREAM_REQUEST = 'stream';
/** Messages before the result. */
export const STREAM_MESSAGES = Math.ceil(STREAM_BYTES / STREAM_MESSAGE_BYTES);
/** The first of the numbers by which the messages progress, all of as many digits. */
export const FIRST_PROGRESS = 10_000_000;

const TOKEN = 'bench';
const MAX_HEAD_BYTES = 64 * 1024;

/** The request, as bytes for the wire. */
export function streamRequest(target: Target): Buffer {
  const message = {
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: {
      name: 'echo',
      arguments: { message: STREAM_REQUEST },
      _meta: { progressToken: TOKEN },
    },
  };
  const headers = { 'mcp-protocol-version': '2025-11-25' };
  return postRequest(target, headers, JSON.stringify(message));
}

/** One of the messages of the stream, to be filled in with a number. */
export function progressTemplate(): Template {
  const params = { progressToken: TOKEN, progress: FIRST_PROGRESS, message: '' };
  const bare = { jsonrpc: '2.0', method: 'notifications/progress', params };
  const message = 'z'.repeat(STREAM_MESSAGE_BYTES - JSON.stringify(bare).length);
  const whole = { ...bare, params: { ...params, message } };
  return new Template(Buffer.from(JSON.stringify(whole)), FIRST_PROGRESS);
}

/** Reads the answer to {@link streamRequest} and compares each byte of each message. */
export class StreamedCall {
  /** Bytes of events, without HTTP's framing. */
  bytes = 0;
  readonly #expected = progressTemplate();
  readonly #body = new ChunkedBody();
  readonly #events = new EventReader((data) => this.#check(data));
  #head: Buffer | null = Buffer.alloc(0);
  #messages = 0;

  /**
   * Takes what arrived.
   *
   * @returns whether it was the last.
   * @throws Error for anything that is not exactly the right answer.
   */
  push(chunk: Buffer): boolean {
    const rest = this.#head === null ? chunk : this.#afterHead(Buffer.concat([this.#head, chunk]));
    if (rest === null) return false;
    for (const part of this.#body.push(rest)) {
      this.bytes += part.length;
      this.#events.push(part);
    }
    if (this.#body.ended && this.#messages !== STREAM_MESSAGES + 1) {
      throw new Error(`the stream ended after ${this.#messages} messages`);
    }
    return this.#body.ended;
  }

  #afterHead(bytes: Buffer): Buffer | null {
    const end = bytes.indexOf('\r\n\r\n');
    this.#head = end === -1 ? bytes : null;
    if (bytes.length > MAX_HEAD_BYTES && end === -1) throw new Error('the head is too long');
    if (end === -1) return null;
    const { status, mediaType, contentLength } = readHead(bytes.toString('latin1', 0, end));
    if (status !== 200 || mediaType !== 'text/event-stream' || contentLength !== null) {
      throw new Error(`no stream, but ${status}: ${bytes.toString('utf8', end, end + 200)}`);
    }
    return bytes.subarray(end + 4);
  }

  #check(data: Buffer): void {
    const number = this.#messages;
    this.#messages += 1;
    const right =
      number < STREAM_MESSAGES
        ? this.#expected.equals(FIRST_PROGRESS + number, data)
        : data.toString().includes('"id":1,"result":');
    if (!right) throw new Error(`wrong message ${number}: ${data.toString('utf8', 0, 200)}`);
  }
}
