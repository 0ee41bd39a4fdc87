import type { CallShape, Target } from './plan.ts';
import { ANSWER_BYTES } from './plan.ts';
import type { Response } from './response.ts';
import { messagesOf } from './response.ts';

/** Every id has as many digits, so that requests and answers differ in those alone. */
const FIRST_ID = 10_000_000;
const ID_DIGITS = 8;

const CLIENT = { name: 'postern-bench', version: '1.0.0' };

/** Makes `tools/call` requests and judges their answers. */
export class Calls {
  readonly #target: Target;
  readonly #shape: CallShape;
  readonly #filler: string;
  #session: string | null = null;
  #nextId = FIRST_ID;
  #known: Template | null = null;

  constructor(target: Target, shape: CallShape) {
    this.#target = target;
    this.#shape = shape;
    const bare = Buffer.byteLength(this.#body(FIRST_ID, ''));
    this.#filler = 'x'.repeat(Math.max(0, shape.requestBytes - bare));
  }

  /** Later requests belong to this session. */
  inSession(id: string): void {
    this.#session = id;
  }

  nextId(): number {
    this.#nextId += 1;
    return this.#nextId;
  }

  /** A request to reuse: only its id changes from call to call. */
  template(): Template {
    const { revision } = this.#shape;
    const stateless = revision === '2026-07-28';
    const headers: Record<string, string> = {
      'mcp-protocol-version': revision,
      ...(stateless ? { 'mcp-method': 'tools/call', 'mcp-name': 'echo' } : {}),
      ...(this.#session === null ? {} : { 'mcp-session-id': this.#session }),
    };
    const request = postRequest(this.#target, headers, this.#body(FIRST_ID, this.#filler));
    return new Template(request, FIRST_ID);
  }

  /** The `initialize` request of a session, as bytes for the wire. */
  initialize(): Buffer {
    const params = {
      protocolVersion: this.#shape.revision,
      capabilities: {},
      clientInfo: CLIENT,
    };
    const message = { jsonrpc: '2.0', id: 0, method: 'initialize', params };
    return postRequest(this.#target, {}, JSON.stringify(message));
  }

  /** The notification that completes a session's opening. */
  initialized(): Buffer {
    const headers = {
      'mcp-protocol-version': this.#shape.revision,
      ...(this.#session === null ? {} : { 'mcp-session-id': this.#session }),
    };
    const message = { jsonrpc: '2.0', method: 'notifications/initialized' };
    return postRequest(this.#target, headers, JSON.stringify(message));
  }

  /** What is wrong with the answer to a call, `null` for nothing. Each byte of it counts. */
  complaint(id: number, response: Response): string | null {
    const { head } = response;
    if (head.status !== 200) return `HTTP ${head.status}: ${excerpt(response.body)}`;
    const message = answerIn(response);
    if (message === null) return `no single answer in ${excerpt(response.body)}`;
    if (this.#known?.equals(id, message) === true) return null;
    const complaint = this.#judge(id, message);
    if (complaint === null) this.#known = new Template(Buffer.from(message), id);
    return complaint;
  }

  #body(id: number, filler: string): string {
    const params = { name: 'echo', arguments: { message: `call ${id} ${filler}` } };
    const meta = {
      'io.modelcontextprotocol/protocolVersion': this.#shape.revision,
      'io.modelcontextprotocol/clientCapabilities': {},
    };
    const stateless = this.#shape.revision === '2026-07-28';
    return JSON.stringify({
      jsonrpc: '2.0',
      id,
      method: 'tools/call',
      params: stateless ? { ...params, _meta: meta } : params,
    });
  }

  #judge(id: number, message: Buffer): string | null {
    const answer = JSON.parse(message.toString()) as {
      jsonrpc?: unknown;
      id?: unknown;
      result?: { isError?: unknown; content?: { type?: unknown; text?: unknown }[] };
    };
    const content = answer.result?.content ?? [];
    const text = content[0]?.text;
    const whole =
      this.#shape.answer === 'echo'
        ? text === `Echo: call ${id} ${this.#filler}`
        : text === `call ${id} ${'y'.repeat(String(text).length - ID_DIGITS - 6)}` &&
          message.length === ANSWER_BYTES;
    const right = answer.jsonrpc === '2.0' && answer.id === id && content.length === 1 && whole;
    if (right && answer.result?.isError !== true) return null;
    return `wrong answer to ${id}: ${excerpt(message)}`;
  }
}

/** Bytes with an id in one or more places. */
export class Template {
  readonly bytes: Buffer;
  readonly #places: readonly number[];

  /** @param id the one that the bytes hold now. */
  constructor(bytes: Buffer, id: number) {
    this.bytes = bytes;
    const places: number[] = [];
    const digits = String(id);
    for (let at = bytes.indexOf(digits); at !== -1; at = bytes.indexOf(digits, at + ID_DIGITS)) {
      places.push(at);
    }
    this.#places = places;
  }

  /** The bytes with another id; valid until the next call. */
  with(id: number): Buffer {
    const digits = String(id);
    for (const place of this.#places) this.bytes.write(digits, place, 'latin1');
    return this.bytes;
  }

  equals(id: number, bytes: Buffer): boolean {
    return bytes.length === this.bytes.length && this.with(id).equals(bytes);
  }
}

function postRequest(
  { port, path }: Target,
  headers: Readonly<Record<string, string>>,
  body: string,
): Buffer {
  const lines = [
    `POST ${path} HTTP/1.1`,
    `host: 127.0.0.1:${port}`,
    'content-type: application/json',
    'accept: application/json, text/event-stream',
    `content-length: ${Buffer.byteLength(body)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

/** The one answer in a response, whichever way it came; notifications may come before it. */
function answerIn({ head, body }: Response): Buffer | null {
  if (head.mediaType === 'application/json') return body;
  if (head.mediaType !== 'text/event-stream') return null;
  const messages = messagesOf(body);
  const answer = messages.pop();
  return answer !== undefined && messages.every(isNotification) ? answer : null;
}

function isNotification(message: Buffer): boolean {
  const { id, method } = JSON.parse(message.toString()) as { id?: unknown; method?: unknown };
  return id === undefined && typeof method === 'string';
}

function excerpt(body: Buffer): string {
  return body.toString('utf8', 0, 200);
}
