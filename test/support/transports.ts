/** Transports of the official clients, of both SDK generations. */
import { StdioClientTransport as Stdio1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { SSEClientTransport as Sse1 } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport as Http1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  SSEClientTransport as Sse2,
  StreamableHTTPClientTransport as Http2,
} from '@modelcontextprotocol/client';
import { StdioClientTransport as Stdio2 } from '@modelcontextprotocol/client/stdio';
import { join } from 'node:path';
import type { Program } from './node-program.ts';
import { nodeProgram } from './node-program.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Short pauses before a lost stream is taken up again. */
const RECONNECT = {
  initialReconnectionDelay: 20,
  maxReconnectionDelay: 200,
  reconnectionDelayGrowFactor: 1.5,
  maxRetries: 20,
};

/** The reference server that has one of each of the protocol's features. */
export const EVERYTHING = programAt(
  'node_modules/@modelcontextprotocol/server-everything/dist/index.js',
);

/** A file of this repository, run by this Node. */
export function programAt(file: string, ...args: string[]): Program {
  return nodeProgram(join(ROOT, file), ...args);
}

/** Direct: the client starts the program itself. */
export function stdio(
  generation: 1 | 2,
  program: Program & { readonly env?: Record<string, string> },
): object {
  const parameters = { ...program, stderr: 'ignore' as const };
  return generation === 1 ? new Stdio1(parameters) : new Stdio2(parameters);
}

/** A transport over HTTP that tells when the stream of its session is open. */
export type HttpTransport = (Http1 | Http2) & { readonly listening: Promise<void> };

/** Over HTTP, to a server or to the gateway. */
export function http(generation: 1 | 2, url: string, through: typeof fetch = fetch): HttpTransport {
  const { promise, resolve } = Promise.withResolvers<void>();
  const observed: typeof fetch = async (input, init) => {
    const response = await through(input, init);
    if (init?.method === 'GET') resolve();
    return response;
  };
  const options = { fetch: observed, reconnectionOptions: RECONNECT };
  const transport =
    generation === 1 ? new Http1(new URL(url), options) : new Http2(new URL(url), options);
  return Object.assign(transport, { listening: promise });
}

/** Over HTTP+SSE; at the gateway that is a server's other endpoint. */
export function sse(generation: 1 | 2, url: string, through: typeof fetch = fetch): object {
  const Transport = generation === 1 ? Sse1 : Sse2;
  return new Transport(new URL(url.replace(/\/mcp$/, '/sse')), { fetch: through });
}
