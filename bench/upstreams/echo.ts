/**
 * The MCP server behind the HTTP cases, a process of its own: as little as `node:http` or `node:https`
 * and JSON allow, without sessions, for 2025-11-25 and 2026-07-28. Each `tools/call` is answered with
 * a text that begins with the call's own number, or, if it asks for that, with a long event stream.
 *
 * Takes {@link EchoOptions} as JSON in its first argument; prints its port when it listens.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import {
  FIRST_PROGRESS,
  progressTemplate,
  STREAM_MESSAGES,
  STREAM_REQUEST,
} from '../load/streamed-call.ts';

/** How the echo server listens and answers. */
export interface EchoOptions {
  readonly tls: {
    readonly certFiles: readonly string[];
    readonly keyFile: string;
    readonly group: string;
    /** Asks clients for a certificate of these authorities, as gateways do; `null` does not. */
    readonly clientCaFile: string | null;
  } | null;
  /** Answers with an event stream instead of JSON. */
  readonly events: boolean;
  /** Size of the answer to a call. */
  readonly answerBytes: number;
  /** 0 for any that is free. */
  readonly port: number;
}

interface Request {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: {
    readonly protocolVersion?: string;
    readonly arguments?: { readonly message?: unknown };
  };
}

type Part = string | Buffer;

const TOOL = { name: 'echo', description: 'Echoes its message', inputSchema: { type: 'object' } };
const ABOUT = { capabilities: { tools: {} }, serverInfo: { name: 'echo', version: '1.0.0' } };

const EVENT_STREAM = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' };
const EVENT = Buffer.from('event: message\ndata: ');
const END_OF_EVENT = Buffer.from('\n\n');
/** 64 KB of a long stream. */
const MESSAGES_AT_ONCE = 16;

const options = JSON.parse(process.argv[2] ?? '{}') as EchoOptions;
/** Padding of this size is not made anew for each answer. */
const LARGE = 16 * 1024;
const FILLER = Buffer.alloc(options.answerBytes, 'y');
const server = options.tls === null ? createServer(listener) : secure(options.tls, listener);
server.keepAliveTimeout = 600_000;
server.listen(options.port, '127.0.0.1', () => {
  console.log(JSON.stringify({ port: (server.address() as AddressInfo).port }));
});
process.once('SIGTERM', () => process.exit(0));

function secure(tls: NonNullable<EchoOptions['tls']>, onRequest: RequestListener) {
  const { clientCaFile } = tls;
  return createTlsServer(
    {
      key: readFileSync(tls.keyFile),
      cert: tls.certFiles.map((file) => readFileSync(file, 'utf8')).join('\n'),
      ecdhCurve: tls.group,
      minVersion: 'TLSv1.3',
      ALPNProtocols: ['http/1.1'],
      ...(clientCaFile === null
        ? {}
        : { ca: readFileSync(clientCaFile), requestCert: true, rejectUnauthorized: false }),
    },
    onRequest,
  );
}

function listener(request: IncomingMessage, response: ServerResponse): void {
  if (request.method !== 'POST') {
    response.writeHead(405, { allow: 'POST', 'content-length': 0 }).end();
    return;
  }
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const [only] = chunks;
    const body = chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks);
    answer(JSON.parse(body.toString()) as Request, response);
  });
}

function answer(request: Request, response: ServerResponse): void {
  if (request.id === undefined) {
    response.writeHead(202, { 'content-length': 0 }).end();
    return;
  }
  const body = request.method === 'tools/call' ? toolResult(request) : otherResult(request);
  if (request.params?.arguments?.message === STREAM_REQUEST) {
    void streamBefore(body, response);
  } else if (options.events) {
    response.writeHead(200, EVENT_STREAM);
    // In three writes, as the servers of the official SDK do.
    response.flushHeaders();
    for (const event of eventOf(body)) response.write(event);
    response.end();
  } else {
    const length = body.reduce((sum, part) => sum + part.length, 0);
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': length });
    for (const part of body.slice(0, -1)) response.write(part);
    response.end(body.at(-1));
  }
}

/** Progress, many messages at a time and as fast as they are taken, then the result. */
async function streamBefore(result: readonly Part[], response: ServerResponse): Promise<void> {
  const template = progressTemplate();
  response.writeHead(200, EVENT_STREAM);
  for (let at = 0; at < STREAM_MESSAGES; at += MESSAGES_AT_ONCE) {
    const count = Math.min(MESSAGES_AT_ONCE, STREAM_MESSAGES - at);
    const events = Array.from({ length: count }, (_, index) => [
      EVENT,
      Buffer.from(template.with(FIRST_PROGRESS + at + index)),
      END_OF_EVENT,
    ]);
    if (!response.write(Buffer.concat(events.flat()))) await once(response, 'drain');
  }
  for (const part of eventOf(result)) response.write(part);
  response.end();
}

/** Text of exactly the size asked for, all ASCII; what is large and always the same apart. */
function toolResult({ id, params }: Request): readonly Part[] {
  const asked = String(params?.arguments?.message);
  const label = /^call \d+ /.exec(asked)?.[0] ?? '';
  const before = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"content":[{"type":"text","text":"${label}`;
  const after = '"}],"isError":false,"resultType":"complete"}}';
  const padding = options.answerBytes - before.length - after.length;
  return padding < LARGE
    ? [before + 'y'.repeat(padding) + after]
    : [before, FILLER.subarray(0, padding), after];
}

function eventOf(body: readonly Part[]): readonly Part[] {
  const [only] = body;
  if (body.length === 1 && typeof only === 'string') return [`event: message\ndata: ${only}\n\n`];
  return [EVENT, ...body, END_OF_EVENT];
}

function otherResult({ id, method, params }: Request): readonly Part[] {
  const result = resultOf(method, params?.protocolVersion);
  const error = { code: -32601, message: 'method not found' };
  return [JSON.stringify({ jsonrpc: '2.0', id, ...(result === null ? { error } : { result }) })];
}

function resultOf(method: string | undefined, protocolVersion: string | undefined): object | null {
  if (method === 'initialize')
    return { protocolVersion: protocolVersion ?? '2025-11-25', ...ABOUT };
  if (method === 'server/discover') {
    return { supportedVersions: ['2026-07-28'], ...ABOUT, resultType: 'complete' };
  }
  return method === 'tools/list' ? { tools: [TOOL], resultType: 'complete' } : null;
}
