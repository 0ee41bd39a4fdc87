/** Callers on plain HTTP whom the gateway tells apart by their addresses, for floods that cost little. */
import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import type { RpcResponse } from './session.ts';

/** What came back for one message. */
export interface PlainAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly message: RpcResponse | null;
}

/** Arguments that cost the gateway, which reads every value of them, more than the one who sends them. */
const COSTLY = `{"x":[${Array.from({ length: 4000 }, () => '{"a":[]}').join()}]}`;

/** A caller from one of this machine's own addresses. */
export class PlainCaller {
  readonly #url: string;
  readonly #localAddress: string;
  readonly #agent: Agent;

  constructor(url: string, localAddress: string) {
    this.#url = url;
    this.#localAddress = localAddress;
    this.#agent = new Agent({ keepAlive: true, localAddress });
  }

  /** Calls a tool; the id of the request says to the server what to do. */
  async call(id: string): Promise<PlainAnswer> {
    const body = callOf(id);
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
      const { hostname: host, port, pathname } = new URL(this.#url);
      const socket = connect({ host, port: Number(port), localAddress: this.#localAddress });
      const ask = Buffer.from(requestText(pathname, callOf('echo', COSTLY)));
      let seen = '';
      socket.setEncoding('latin1').on('data', (part: string) => {
        seen += part;
        const answer = readAnswer(seen);
        if (answer === null) return;
        seen = '';
        onAnswer(answer);
        if (over.signal.aborted) socket.destroy();
        else socket.write(ask);
      });
      socket.write(ask);
      await once(socket, 'close');
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

function callOf(id: string, args = '{}'): string {
  const params = `{"name":"x","arguments":${args}}`;
  return `{"jsonrpc":"2.0","id":"${id}","method":"tools/call","params":${params}}`;
}

/** A client library would have more to do than the gateway. */
function requestText(path: string, body: string): string {
  return [
    `POST ${path} HTTP/1.1`,
    'host: 127.0.0.1',
    'content-type: application/json',
    'accept: application/json, text/event-stream',
    `content-length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n');
}

/** The answer in a text, whose body has a length; `null` when it is not whole yet. */
function readAnswer(seen: string): PlainAnswer | null {
  const end = seen.indexOf('\r\n\r\n');
  if (end < 0) return null;
  const [first = '', ...fields] = seen.slice(0, end).split('\r\n');
  const headers = Object.fromEntries(
    fields.map((field) => {
      const at = field.indexOf(':');
      return [field.slice(0, at).toLowerCase(), field.slice(at + 1).trim()];
    }),
  );
  const body = seen.slice(end + 4);
  if (body.length < Number(headers['content-length'])) return null;
  return { status: Number(first.split(' ')[1]), headers, message: JSON.parse(body) as RpcResponse };
}
