import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { DEFAULT_LIMITS } from '#lib';
import { UpstreamCredentialUnavailable } from '../errors.ts';
import {
  ANSWER,
  bare,
  listen,
  post,
  until,
  upstreamFor,
} from '../../../test/support/http-upstream.ts';

const TIMEOUT = { timeout: 20_000 };
const JSON_TYPE = { 'content-type': 'application/json' };
const SSE_TYPE = { 'content-type': 'text/event-stream' };

/** A server that answers when told to. */
function holdingServer(): {
  server: ReturnType<typeof createServer>;
  held: ServerResponse[];
  sockets: Set<unknown>;
} {
  const held: ServerResponse[] = [];
  const sockets = new Set<unknown>();
  const server = createServer((request, response) => {
    sockets.add(request.socket);
    if (request.method === 'GET') response.writeHead(200, SSE_TYPE).flushHeaders();
    else held.push(response);
  });
  return { server, held, sockets };
}

function answer(response: ServerResponse | undefined): void {
  response?.writeHead(200, JSON_TYPE).end(ANSWER);
}

test('calls share few connections, wait in line, and overflow at once', TIMEOUT, async (t) => {
  const { server, held, sockets } = holdingServer();
  const limits = { ...DEFAULT_LIMITS, maxUpstreamConnections: 2, maxUpstreamQueue: 3 };
  const url = `http://127.0.0.1:${await listen(t, server)}/`;
  const { upstream } = upstreamFor(t, url, { limits });
  const calls = Array.from({ length: 5 }, () => upstream.exchange(post()));
  await until(() => held.length === 2);
  await assert.rejects(upstream.exchange(post()), { code: 'POSTERN_UPSTREAM_OVERLOADED' });
  for (let answered = 0; answered < 5; answered += 1) {
    await until(() => held.length > 0);
    answer(held.shift());
  }
  await Promise.all(calls);
  assert.equal(sockets.size, 2);
  assert.equal(upstream.stats().connections, 2);
});

test('streams and answers do not wait for calls', TIMEOUT, async (t) => {
  const { server, held } = holdingServer();
  const limits = { ...DEFAULT_LIMITS, maxUpstreamConnections: 1, maxUpstreamStreams: 1 };
  const url = `http://127.0.0.1:${await listen(t, server)}/`;
  const { upstream } = upstreamFor(t, url, { limits });
  const call = upstream.exchange(post());
  await until(() => held.length === 1);
  const elicited = upstream.exchange(post({ id: 9, result: {} }));
  await until(() => held.length === 2);
  held[1]?.writeHead(202).end();
  assert.equal((await elicited).status, 202);
  assert.equal((await upstream.exchange(bare('GET'))).kind, 'events');
  await assert.rejects(upstream.exchange(bare('GET')), {
    code: 'POSTERN_UPSTREAM_OVERLOADED',
    details: { limit: 'max_upstream_streams', max: 1 },
  });
  answer(held[0]);
  await call;
});

test(
  'R-21 a call is sent with the credentials of the moment; 401 asks for newer ones',
  TIMEOUT,
  async (t) => {
    const seen: unknown[] = [];
    const { server, held } = holdingServer();
    server.on('request', (request) => seen.push(request.headers['x-token']));
    let values = { 'X-Token': 'old' };
    let refused = 0;
    const credentials = { current: () => values, refused: () => (refused += 1) };
    const limits = { ...DEFAULT_LIMITS, maxUpstreamConnections: 1 };
    const url = `http://127.0.0.1:${await listen(t, server)}/`;
    const { upstream } = upstreamFor(t, url, { limits, credentials });
    const calls = [upstream.exchange(post()), upstream.exchange(post())];
    await until(() => held.length === 1);
    values = { 'X-Token': 'new' };
    answer(held[0]);
    await until(() => held.length === 2);
    answer(held[1]);
    await Promise.all(calls);
    assert.deepEqual(seen, ['old', 'new']);
    for (const [status, asked] of [
      [403, 0],
      [401, 1],
    ] as const) {
      const call = upstream.exchange(post());
      await until(() => held.length === 3 + asked);
      held.at(-1)?.writeHead(status).end();
      await assert.rejects(call, { code: 'POSTERN_UPSTREAM_CREDENTIALS_REFUSED' });
      assert.equal(refused, asked);
    }
  },
);

test('a call without its credentials is not sent', TIMEOUT, async (t) => {
  const { server, sockets } = holdingServer();
  const current = (): never => {
    throw new UpstreamCredentialUnavailable('none yet');
  };
  const url = `http://127.0.0.1:${await listen(t, server)}/`;
  const { upstream } = upstreamFor(t, url, { credentials: { current, refused: () => undefined } });
  await assert.rejects(upstream.exchange(post()), {
    code: 'POSTERN_UPSTREAM_CREDENTIAL_UNAVAILABLE',
  });
  assert.equal(sockets.size, 0);
  assert.equal((await upstream.health()).reachable, true);
});

test('idle connections close after a while', TIMEOUT, async (t) => {
  const { server, held } = holdingServer();
  const limits = { ...DEFAULT_LIMITS, upstreamKeepAliveMs: 50 };
  const url = `http://127.0.0.1:${await listen(t, server)}/`;
  const { upstream } = upstreamFor(t, url, { limits });
  const call = upstream.exchange(post());
  await until(() => held.length === 1);
  answer(held[0]);
  await call;
  await until(() => upstream.stats().connections === 0);
});

test('closing ends what is under way and leaves nothing', TIMEOUT, async (t) => {
  const { server, held } = holdingServer();
  const limits = { ...DEFAULT_LIMITS, maxUpstreamConnections: 1 };
  const url = `http://127.0.0.1:${await listen(t, server)}/`;
  const { upstream } = upstreamFor(t, url, { limits });
  const calls = [upstream.exchange(post()), upstream.exchange(post())];
  const ends = Promise.allSettled(calls);
  await until(() => held.length === 1);
  const stream = await upstream.exchange(bare('GET'));
  await upstream.close();
  for (const end of await ends) assert.equal(end.status, 'rejected');
  assert.ok(stream.kind === 'events');
  await assert.rejects(stream.events[Symbol.asyncIterator]().next());
  const { sessions, connections } = upstream.stats();
  assert.deepEqual([sessions, connections], [0, 0]);
  await assert.rejects(upstream.exchange(post()), { code: 'POSTERN_UPSTREAM_UNAVAILABLE' });
});

for (const enableJsonResponse of [true, false]) {
  const how = enableJsonResponse ? 'JSON' : 'streams';
  test(`R-23 an SDK server with ${how}, from initialize to DELETE`, TIMEOUT, async (t) => {
    const mcp = new McpServer({ name: 'peer', version: '1' });
    mcp.registerTool('add', { description: 'adds' }, () => ({
      content: [{ type: 'text', text: '3' }],
    }));
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      enableJsonResponse,
    });
    await mcp.connect(transport);
    t.after(() => mcp.close());
    const server = createServer((request: IncomingMessage, response: ServerResponse) => {
      void transport.handleRequest(request, response);
    });
    const { upstream } = upstreamFor(t, `http://127.0.0.1:${await listen(t, server)}/mcp`);
    const replyTo = async (request: ReturnType<typeof post>): Promise<[unknown, string | null]> => {
      const reply = await upstream.exchange(request);
      if (reply.kind === 'empty') return [reply.status, reply.sessionId];
      if (reply.kind === 'json') return [JSON.parse(reply.frame.bytes.toString()), reply.sessionId];
      let last: unknown = null;
      for await (const { message } of reply.events) {
        if (message !== null) last = JSON.parse(message.toString());
      }
      return [last, reply.sessionId];
    };

    const params = {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'test', version: '1' },
    };
    const [initialized, sessionId] = await replyTo(post({ id: 0, method: 'initialize', params }));
    assert.match(JSON.stringify(initialized), /"name":"peer"/);
    assert.ok(sessionId);
    const session = { sessionId };
    const notified = post({ method: 'notifications/initialized' }, session);
    assert.deepEqual(await replyTo(notified), [202, null]);
    const stream = await upstream.exchange(bare('GET', session));
    assert.ok(stream.kind === 'events');
    const heard = stream.events[Symbol.asyncIterator]().next();
    mcp.sendToolListChanged();
    const { value } = await heard;
    assert.match(value?.message?.toString() ?? '', /list_changed/);
    const [result] = await replyTo(
      post({ id: 1, method: 'tools/call', params: { name: 'add' } }, session),
    );
    assert.match(JSON.stringify(result), /"text":"3"/);
    assert.deepEqual(await replyTo(bare('DELETE', session)), [200, null]);
    await assert.rejects(replyTo(post(undefined, session)), { code: 'POSTERN_SESSION_NOT_FOUND' });
  });
}
