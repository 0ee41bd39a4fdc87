import type { CallShape, Target } from './plan.ts';
import { postRequest } from './post-request.ts';
import type { Response } from './response.ts';
import { messagesOf } from './response.ts';
import { Template } from './template.ts';

/** Every id has as many digits, so that requests and answers differ in those alone. */
const FIRST_ID = 10_000_000;
const ID_DIGITS = 8;
/** Of `call <id> `, without the id. */
const LABEL_CHARACTERS = 6;

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
    const { revision, tool } = this.#shape;
    const stateless = revision === '2026-07-28';
    const headers: Record<string, string> = {
      'mcp-protocol-version': revision,
      ...(stateless ? { 'mcp-method': 'tools/call', 'mcp-name': tool } : {}),
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
    const params = { name: this.#shape.tool, arguments: { message: `call ${id} ${filler}` } };
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
    const whole = typeof text === 'string' && this.#isWhole(id, text, message.length);
    const right = answer.jsonrpc === '2.0' && answer.id === id && content.length === 1 && whole;
    if (right && answer.result?.isError !== true) return null;
    return `wrong answer to ${id}: ${excerpt(message)}`;
  }

  /** Whether a text is all of what the tool answered, in a message of so many bytes. */
  #isWhole(id: number, text: string, messageBytes: number): boolean {
    const { answer, answerBytes } = this.#shape;
    if (answer === 'echo') return text === `Echo: call ${id} ${this.#filler}`;
    const padding = text.length - ID_DIGITS - LABEL_CHARACTERS;
    if (padding < 0 || text !== `call ${id} ${'y'.repeat(padding)}`) return false;
    return answer === 'padded' ? messageBytes === answerBytes : padding > answerBytes / 2;
  }
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
