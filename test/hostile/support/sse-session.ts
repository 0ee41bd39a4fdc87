/** HTTP+SSE by hand: hostile tests need to see each answer. */
import { until } from '../../support/until.ts';
import { INITIALIZE } from './session.ts';

type Json = Record<string, unknown>;

/** One event stream and the endpoint that it names. */
export class SseByHand {
  readonly #through: typeof fetch;
  readonly #origin: string;
  readonly #abort = new AbortController();
  /** What the client is told to send its messages to. */
  endpoint = '';
  /** Messages that have come. */
  readonly heard: Json[] = [];
  /** Whether the gateway has ended the stream. */
  ended = false;

  private constructor(through: typeof fetch, origin: string) {
    this.#through = through;
    this.#origin = origin;
  }

  /** Opens the stream. @param reads whether it is read on after its first event. */
  static async open(through: typeof fetch, url: string, reads = true): Promise<SseByHand> {
    const session = new SseByHand(through, new URL(url).origin);
    const response = await through(url, {
      headers: { accept: 'text/event-stream' },
      signal: session.#abort.signal,
    });
    if (response.status !== 200 || response.body === null) {
      throw new Error(`${response.status} ${await response.text()}`);
    }
    const reader = response.body.getReader();
    const first = await reader.read();
    const text = Buffer.from(first.value ?? []).toString();
    session.endpoint = /^event: endpoint\ndata: (\S+)\n\n$/.exec(text)?.[1] ?? '';
    if (reads) void session.#read(reader);
    return session;
  }

  /** Initializes the session of the server. */
  async initialize(): Promise<void> {
    await this.post(INITIALIZE);
    await this.hears(INITIALIZE.id);
    await this.post({ jsonrpc: '2.0', method: 'notifications/initialized' });
  }

  /** Sends a message, or any text; resolves with the status and the code of a refusal. */
  async post(message: Json | string, through = this.#through): Promise<readonly unknown[]> {
    const response = await through(`${this.#origin}${this.endpoint}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: typeof message === 'string' ? message : JSON.stringify(message),
    });
    const text = await response.text();
    if (text === '') return [response.status];
    const { error } = JSON.parse(text) as { error: { data: { code: string } } };
    return [response.status, error.data.code];
  }

  /** Calls a tool without waiting for the answer. */
  call(id: number, name: string, args: Json = {}): Promise<readonly unknown[]> {
    const params = { name, arguments: args, _meta: { progressToken: id } };
    return this.post({ jsonrpc: '2.0', id, method: 'tools/call', params });
  }

  /** Waits for the answer to a request. */
  async hears(id: number): Promise<Json> {
    let answer: Json | undefined;
    await until(`an answer to ${id}`, () => {
      answer = this.heard.find((message) => message['id'] === id);
      return answer !== undefined;
    });
    return answer ?? {};
  }

  /** Hangs up. */
  close(): void {
    this.#abort.abort();
  }

  async #read(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    let text = '';
    const decoder = new TextDecoder();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        text += decoder.decode(value, { stream: true });
        const events = text.split('\n\n');
        text = events.pop() ?? '';
        for (const event of events) this.#take(event);
      }
    } catch {
      // Cut off, which is an end too.
    }
    this.ended = true;
  }

  #take(event: string): void {
    const data = /^event: message\ndata: (.*)$/.exec(event)?.[1];
    if (data !== undefined) this.heard.push(JSON.parse(data) as Json);
  }
}
