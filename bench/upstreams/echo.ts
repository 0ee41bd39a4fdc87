/**
 * The MCP server behind the HTTP cases, a process of its own: as little as `node:http` or `node:https`
 * and JSON allow, without sessions, for 2025-11-25 and 2026-07-28. Each `tools/call` is answered with
 * 1 KB that begins with the call's own number.
 *
 * Takes {@link EchoOptions} as JSON in its first argument; prints its port when it listens.
 */
import { readFileSync } from 'node:fs';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { ANSWER_BYTES } from '../load/plan.ts';

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
}

interface Request {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: {
    readonly protocolVersion?: string;
    readonly arguments?: { readonly message?: unknown };
  };
}

const TOOL = { name: 'echo', description: 'Echoes its message', inputSchema: { type: 'object' } };
const ABOUT = { capabilities: { tools: {} }, serverInfo: { name: 'echo', version: '1.0.0' } };

const options = JSON.parse(process.argv[2] ?? '{}') as EchoOptions;
const server = options.tls === null ? createServer(listener) : secure(options.tls, listener);
server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1', () => {
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
  if (options.events) {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
    // In three writes, as the servers of the official SDK do.
    response.flushHeaders();
    response.write(`event: message\ndata: ${body}\n\n`);
    response.end();
  } else {
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    response.writeHead(200, headers).end(body);
  }
}

/** Text of exactly {@link ANSWER_BYTES}, all ASCII. */
function toolResult({ id, params }: Request): string {
  const asked = String(params?.arguments?.message);
  const label = /^call \d+ /.exec(asked)?.[0] ?? '';
  const before = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":{"content":[{"type":"text","text":"${label}`;
  const after = '"}],"isError":false,"resultType":"complete"}}';
  return before + 'y'.repeat(ANSWER_BYTES - before.length - after.length) + after;
}

function otherResult({ id, method, params }: Request): string {
  const result = resultOf(method, params?.protocolVersion);
  const error = { code: -32601, message: 'method not found' };
  return JSON.stringify({ jsonrpc: '2.0', id, ...(result === null ? { error } : { result }) });
}

function resultOf(method: string | undefined, protocolVersion: string | undefined): object | null {
  if (method === 'initialize')
    return { protocolVersion: protocolVersion ?? '2025-11-25', ...ABOUT };
  if (method === 'server/discover') {
    return { supportedVersions: ['2026-07-28'], ...ABOUT, resultType: 'complete' };
  }
  return method === 'tools/list' ? { tools: [TOOL], resultType: 'complete' } : null;
}
