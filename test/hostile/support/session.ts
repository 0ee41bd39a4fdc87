import assert from 'node:assert/strict';

type Json = Record<string, unknown>;

/** What came back for one message. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The JSON-RPC response; `null` when there was none. */
  readonly message: RpcResponse | null;
  /** Messages that came before it, on the same stream. */
  readonly before: readonly Json[];
}

/** A JSON-RPC response, as far as tests look at it. */
export interface RpcResponse {
  readonly id: unknown;
  readonly result?: Json & { readonly structuredContent?: Json };
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly data?: { readonly code?: string };
  };
}

/** The first message of a session. */
export const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
  },
};

/** One session of the stateful era, message by message: hostile tests need to see each answer. */
export class McpSession {
  readonly url: string;
  readonly id: string;
  readonly #fetch: typeof fetch;
  #nextId = 2;

  constructor(through: typeof fetch, url: string, id: string) {
    this.#fetch = through;
    this.url = url;
    this.id = id;
  }

  /** Opens a session and completes its handshake. */
  static async open(through: typeof fetch, url: string): Promise<McpSession> {
    const { status, headers, message } = await postMessage(through, url, INITIALIZE);
    const id = headers.get('mcp-session-id');
    assert.equal(status, 200, JSON.stringify(message));
    assert.ok(id !== null && message?.result !== undefined);
    const session = new McpSession(through, url, id);
    await session.post({ jsonrpc: '2.0', method: 'notifications/initialized' });
    return session;
  }

  /** Calls a tool; progress is asked for when a token is given. */
  call(name: string, args: Json = {}, options: CallOptions = {}): Promise<Answer> {
    const { progressToken, signal } = options;
    const params = {
      name,
      arguments: args,
      ...(progressToken === undefined ? {} : { _meta: { progressToken } }),
    };
    const id = this.#nextId;
    this.#nextId += 1;
    return this.post({ jsonrpc: '2.0', id, method: 'tools/call', params }, signal);
  }

  post(message: Json, signal?: AbortSignal): Promise<Answer> {
    return postMessage(this.#fetch, this.url, message, { 'mcp-session-id': this.id }, signal);
  }

  /** Ends it with DELETE. */
  async end(): Promise<void> {
    const headers = { 'mcp-session-id': this.id };
    const response = await this.#fetch(this.url, { method: 'DELETE', headers });
    await response.text();
    assert.equal(response.status, 200);
  }
}

/** `structuredContent` of the tool result in an answer. */
export function contentOf(answer: Answer): Json {
  return answer.message?.result?.structuredContent ?? assert.fail(JSON.stringify(answer.message));
}

/** Options of {@link McpSession.call}. */
export interface CallOptions {
  readonly progressToken?: number;
  readonly signal?: AbortSignal;
}

/** Posts one message, or the bytes of one, and reads the whole answer. */
export async function postMessage(
  through: typeof fetch,
  url: string,
  message: Json | Buffer | string,
  headers: Readonly<Record<string, string>> = {},
  signal?: AbortSignal,
): Promise<Answer> {
  const raw = Buffer.isBuffer(message) || typeof message === 'string';
  const response = await through(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: raw ? message : JSON.stringify(message),
    ...(signal === undefined ? {} : { signal }),
  });
  const text = await response.text();
  const isStream = response.headers.get('content-type') === 'text/event-stream';
  const messages = isStream ? messagesOf(text) : text === '' ? [] : [JSON.parse(text) as Json];
  const last = messages.at(-1);
  const isAnswer = last !== undefined && ('result' in last || 'error' in last);
  return {
    status: response.status,
    headers: response.headers,
    message: isAnswer ? (last as unknown as RpcResponse) : null,
    before: isAnswer ? messages.slice(0, -1) : messages,
  };
}

function messagesOf(stream: string): readonly Json[] {
  return (
    stream
      .split('\n')
      // An event that primes the client to reconnect has no data.
      .filter((line) => /^data: ./.test(line))
      .map((line) => JSON.parse(line.slice(6)) as Json)
  );
}
