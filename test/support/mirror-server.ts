/** An HTTP server of any revision that tells what reached it, for tests of what is passed on. */
import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request as it came. */
export interface Reached {
  readonly httpMethod: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** `null` without a body. */
  readonly message: {
    readonly id?: unknown;
    readonly method?: string;
    readonly params?: { readonly name?: unknown };
  } | null;
}

/** The server, on a free port of the loopback. */
export interface MirrorServer {
  readonly url: string;
  readonly reached: readonly Reached[];
  /** Ids of the calls of `hang` whose connection was closed. */
  readonly left: readonly unknown[];
  close(): Promise<void>;
}

const REGION = { type: 'string', 'x-mcp-header': 'Region' };
const ANNOTATED = { type: 'object', properties: { region: REGION } };

/** What each method is answered with; the rest is answered with an empty result. */
const RESULTS: Readonly<Record<string, object>> = {
  initialize: { protocolVersion: '2024-11-05', capabilities: {}, serverInfo: { name: 'mirror' } },
  'server/discover': { supportedVersions: ['2026-07-28'], capabilities: {} },
  'tools/list': { tools: [{ name: 'route', inputSchema: ANNOTATED }] },
  'resources/read': { contents: [{ uri: 'note://one', text: 'a note' }] },
};
const HINTS = { resultType: 'complete', ttlMs: 60_000, cacheScope: 'public' };

const OWN_REQUEST = { jsonrpc: '2.0', id: 1, method: 'sampling/createMessage', params: {} };
const STRAY_ANSWER = { jsonrpc: '2.0', id: 'of somebody else', result: {} };

/**
 * Starts it. A session that it opens is named `opened`; a call of the tool `hang` has no end, and one of
 * `ask` is answered after messages that have no place there.
 */
export async function startMirrorServer(): Promise<MirrorServer> {
  const reached: Reached[] = [];
  const left: unknown[] = [];
  const onRequest = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bodyOf(request);
    const message = body.length === 0 ? null : (JSON.parse(String(body)) as Reached['message']);
    const { method = '', headers } = request;
    reached.push({ httpMethod: method, headers, body, message });
    const name = message?.params?.name;
    if (name === 'ask') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end([OWN_REQUEST, STRAY_ANSWER, answerTo(message?.id)].map(event).join(''));
    } else if (name === 'hang') {
      response.once('close', () => left.push(message?.id));
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': still here\n\n');
    } else answer(response, message);
  };
  const server = createServer((request, response) => void onRequest(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    reached,
    left,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function answer(response: ServerResponse, message: Reached['message']): void {
  if (message?.id === undefined) {
    response.writeHead(202).end();
    return;
  }
  const { id, method = '' } = message;
  const unknown = { error: { code: -32601, message: 'Method not found' } };
  const outcome =
    method === 'prompts/list' ? unknown : { result: { ...RESULTS[method], ...HINTS } };
  response.writeHead('error' in outcome ? 404 : 200, {
    'content-type': 'application/json',
    ...(method === 'initialize' ? { 'mcp-session-id': 'opened' } : {}),
  });
  response.end(JSON.stringify({ jsonrpc: '2.0', id, ...outcome }));
}

function answerTo(id: unknown): object {
  return { jsonrpc: '2.0', id, result: HINTS };
}

function event(message: object): string {
  return `data: ${JSON.stringify(message)}\n\n`;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
