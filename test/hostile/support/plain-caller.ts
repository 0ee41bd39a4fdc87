/** Callers on plain HTTP whom the gateway tells apart by their addresses, for floods that cost little. */
import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Agent, request } from 'node:http';
import { text } from 'node:stream/consumers';
import type { RpcResponse } from './session.ts';

/** What came back for one message. */
export interface PlainAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly message: RpcResponse | null;
}

/** A caller from one of this machine's own addresses. */
export class PlainCaller {
  readonly #url: string;
  readonly #agent: Agent;

  constructor(url: string, localAddress: string) {
    this.#url = url;
    this.#agent = new Agent({ keepAlive: true, localAddress });
  }

  /** Calls a tool; the id of the request says to the server what to do. */
  async call(id: string): Promise<PlainAnswer> {
    const body = JSON.stringify({
      jsonrpc: '2.0',
      id,
      method: 'tools/call',
      params: { name: 'x' },
    });
    const sent = request(this.#url, {
      agent: this.#agent,
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        accept: 'application/json, text/event-stream',
      },
    });
    sent.end(body);
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    const said = await text(response);
    const message = said === '' ? null : (JSON.parse(said) as RpcResponse);
    return { status: response.statusCode ?? 0, headers: response.headers, message };
  }

  /** Keeps calling over so many connections, whatever is answered, until told to stop. */
  flood(connections: number, onAnswer: (answer: PlainAnswer) => void): () => Promise<void> {
    const over = new AbortController();
    const lane = async (): Promise<void> => {
      while (!over.signal.aborted) onAnswer(await this.call('echo'));
    };
    const lanes = Promise.all(Array.from({ length: connections }, lane));
    return async () => {
      over.abort();
      await lanes;
    };
  }

  close(): void {
    this.#agent.destroy();
  }
}
