import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client';
import type { VersionNegotiationMode } from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { CreateMessageRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { bench, fixture, realServer, until } from './fixtures/harness.ts';
import type { Front } from './fixtures/http-front.ts';
import { serve } from './fixtures/http-front.ts';

const closers: (() => Promise<unknown>)[] = [];
after(async () => {
  for (const close of closers.toReversed()) await close();
});

async function serveProgram(...args: string[]) {
  const { upstream } = bench({ after }, { args });
  const front = await serve(upstream);
  closers.push(() => front.close());
  return { upstream, front };
}

const everything = await serveProgram(realServer('server-everything'));
const memory = await serveProgram(realServer('server-memory'));
const dual = await serveProgram(fixture('dual.ts'));

async function connectV1(url: URL, errors: unknown[] = []): Promise<Client> {
  const client = new Client(
    { name: 'v1', version: '1' },
    { capabilities: { sampling: {}, roots: {} } },
  );
  Object.assign(client, { onerror: (error: unknown) => errors.push(error) });
  client.setRequestHandler(CreateMessageRequestSchema, () => ({
    model: 'none',
    role: 'assistant' as const,
    content: { type: 'text' as const, text: 'sampled' },
  }));
  await client.connect(new StreamableHTTPClientTransport(url));
  closers.push(() => client.close());
  return client;
}

async function connectV2(url: URL, mode: VersionNegotiationMode, errors: unknown[] = []) {
  const client = new ModernClient({ name: 'v2', version: '1' }, { versionNegotiation: { mode } });
  Object.assign(client, { onerror: (error: unknown) => errors.push(error) });
  const transport = new ModernTransport(url);
  await client.connect(transport);
  closers.push(() => client.close());
  return { client, transport };
}

/** Cancels a call once it has arrived; its POST and that of the cancellation must both end. */
async function cancelled(front: Front, stop: AbortController, hanging: Promise<unknown>) {
  const before = front.arrived.length;
  await until('the call has arrived', () => front.arrived.length > before || front.open() > 1);
  stop.abort();
  await assert.rejects(hanging);
  await until(
    'the cancellation has arrived',
    () => front.arrived.at(-1) === 'notifications/cancelled',
  );
  // The session's GET stream stays.
  await until('both are answered', () => front.open() === 1);
}

test('R-23 SDK 1: tools, progress, sampling, cancellation and the end of a session', async () => {
  const { front, upstream } = everything;
  const errors: unknown[] = [];
  const client = await connectV1(front.url, errors);
  const { tools } = await client.listTools();
  assert.ok(tools.some(({ name }) => name === 'trigger-sampling-request'));
  const echo = await client.callTool({ name: 'echo', arguments: { message: 'hello' } });
  assert.deepEqual(echo.content, [{ type: 'text', text: 'Echo: hello' }]);
  const steps: number[] = [];
  const long = { name: 'trigger-long-running-operation', arguments: { duration: 0.2, steps: 3 } };
  await client.callTool(long, undefined, { onprogress: ({ progress }) => steps.push(progress) });
  assert.deepEqual(steps, [1, 2, 3]);
  const prompt = { name: 'trigger-sampling-request', arguments: { prompt: 'say', maxTokens: 5 } };
  assert.match(JSON.stringify(await client.callTool(prompt)), /sampled/);
  const stop = new AbortController();
  const hanging = client.callTool(
    { name: 'trigger-long-running-operation', arguments: { duration: 60, steps: 1 } },
    undefined,
    { signal: stop.signal },
  );
  await cancelled(front, stop, hanging);
  assert.deepEqual(errors, []);
  await (client.transport as unknown as StreamableHTTPClientTransport).terminateSession();
  await until('the process is gone', () => upstream.stats().children === 0);
});

test('R-23 SDK 1 with a real server that keeps state', async () => {
  const client = await connectV1(memory.front.url);
  const { tools } = await client.listTools();
  assert.ok(tools.some(({ name }) => name === 'read_graph'));
  await client.callTool({ name: 'search_nodes', arguments: { query: 'none' } });
});

test('R-23 SDK 2 falls back to initialize for a server of the stateful era', async () => {
  const errors: unknown[] = [];
  const { client, transport } = await connectV2(everything.front.url, 'auto', errors);
  assert.ok(transport.sessionId);
  const echo = await client.callTool({ name: 'echo', arguments: { message: 'hi' } });
  assert.deepEqual(echo.content, [{ type: 'text', text: 'Echo: hi' }]);
  const stop = new AbortController();
  const long = { name: 'trigger-long-running-operation', arguments: { duration: 60, steps: 1 } };
  const hanging = client.callTool(long, { signal: stop.signal });
  await cancelled(everything.front, stop, hanging);
  assert.deepEqual(errors, []);
  await transport.terminateSession();
});

test('R-23 SDK 2 speaks 2026-07-28: calls, cancellation by disconnect, subscriptions', async () => {
  const { front, upstream } = dual;
  const errors: unknown[] = [];
  const { client, transport } = await connectV2(front.url, { pin: '2026-07-28' }, errors);
  assert.equal(transport.sessionId, undefined);
  const echo = await client.callTool({ name: 'echo', arguments: { text: 'hi' } });
  assert.deepEqual(echo.content, [{ type: 'text', text: 'hi' }]);
  const stop = new AbortController();
  const hanging = client.callTool(
    { name: 'slow', arguments: { text: 'one' } },
    { signal: stop.signal },
  );
  await until('the call has arrived', () => front.arrived.length === 3);
  stop.abort();
  await assert.rejects(hanging);
  await until('the server has cancelled', async () => {
    const { content } = await client.callTool({ name: 'cancelled', arguments: {} });
    return JSON.stringify(content).includes('"one"');
  });
  let changes = 0;
  client.setNotificationHandler('notifications/tools/list_changed', () => void (changes += 1));
  const subscription = await client.listen({ toolsListChanged: true });
  await client.callTool({ name: 'grow', arguments: { text: 'new' } });
  await until('the change is told', () => changes > 0);
  await subscription.close();
  assert.equal(upstream.stats().children, 1);
  assert.deepEqual(errors, []);
});

test('R-23 a server of both eras serves both at once', async () => {
  const v1 = await connectV1(dual.front.url);
  const { client: v2 } = await connectV2(dual.front.url, 'auto');
  const call = { name: 'echo', arguments: { text: 'both' } };
  const [first, second] = await Promise.all([v1.callTool(call), v2.callTool(call)]);
  assert.deepEqual(first.content, second.content);
});
