/** Real servers, and an upstream before them, for tests of the HTTP transport. */
import type { PosternEvent } from '#lib';
import { DEFAULT_LIMITS } from '#lib';
import { jsonLimitsOf, readFrame, revisionByName, UNDECLARED_REVISION } from '#mcp';
import type { HttpUpstream, HttpUpstreamOptions, UpstreamRequest } from '#transport';
import { createHttpUpstream } from '#transport';
import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { TestContext } from 'node:test';

/** The least that answers a request. */
export const ANSWER = '{"jsonrpc":"2.0","id":1,"result":{}}';

/** Listens on a free loopback port and closes everything after the test. */
export async function listen(t: TestContext, server: Server, host = '127.0.0.1'): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, host);
  await once(server, 'listening');
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    if (!server.listening) return;
    server.close();
    await once(server, 'close');
  });
  return (server.address() as AddressInfo).port;
}

/** An upstream that is closed after the test, and the events it emitted. */
export function upstreamFor(
  t: TestContext,
  url: string,
  options: Partial<HttpUpstreamOptions> = {},
): { upstream: HttpUpstream; events: PosternEvent[] } {
  const events: PosternEvent[] = [];
  const upstream = createHttpUpstream({
    name: 'test',
    url: new URL(url),
    tls: null,
    headers: {},
    limits: DEFAULT_LIMITS,
    events: (event) => events.push(event),
    acceptLink: () => null,
    ...options,
  });
  t.after(() => upstream.close());
  return { upstream, events };
}

/** A request with one message, `tools/call` unless said otherwise. */
export function post(
  message: Record<string, unknown> = { id: 1, method: 'tools/call', params: { name: 'x' } },
  options: Partial<UpstreamRequest> = {},
): UpstreamRequest {
  const bytes = Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message }));
  return {
    httpMethod: 'POST',
    frame: readFrame(bytes, jsonLimitsOf(DEFAULT_LIMITS, DEFAULT_LIMITS.maxMessageBytes)),
    revision: UNDECLARED_REVISION,
    sessionId: null,
    lastEventId: null,
    mcpHeaders: {},
    principal: 'alice',
    subjectToken: null,
    clientLink: null,
    connection: { onceClosed: () => {} },
    signal: new AbortController().signal,
    onLink: () => undefined,
    onRevision: () => undefined,
    ...options,
  };
}

/** A request without a message. */
export function bare(
  httpMethod: 'GET' | 'DELETE',
  options: Partial<UpstreamRequest> = {},
): UpstreamRequest {
  return { ...post(), httpMethod, frame: null, ...options };
}

/** The revision of 2026-07-28. */
export function statelessRevision(): UpstreamRequest['revision'] {
  const revision = revisionByName('2026-07-28');
  if (revision === undefined) throw new Error('the registry lacks 2026-07-28');
  return revision;
}

/** Resolves when the condition holds; the test's own time limit ends the wait otherwise. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}
