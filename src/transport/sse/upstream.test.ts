import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LinkSecurity } from '#crypto';
import { DEFAULT_LIMITS } from '#lib';
import { jsonLimitsOf, readFrame } from '#mcp';
import { bare, post, statelessRevision, until } from '../../../test/support/http-upstream.ts';
import type { StreamEvent, UpstreamReply } from '../upstream.ts';
import type { Json } from './fixtures/legacy-server.ts';
import { call, initialize, legacy, openSession, openStream } from './fixtures/legacy-server.ts';

const TIMEOUT = { timeout: 20_000 };

function iterate(reply: UpstreamReply): AsyncIterator<StreamEvent> {
  assert.ok(reply.kind === 'events');
  return reply.events[Symbol.asyncIterator]();
}

async function next(events: AsyncIterator<StreamEvent>): Promise<Json> {
  const { value } = await events.next();
  assert.ok(value?.message);
  return JSON.parse(value.message.toString()) as Json;
}

test('R-23 a session opens, answers and ends; nothing is left of it', TIMEOUT, async (t) => {
  const server = await legacy(t);
  const { upstream } = server;
  const links: LinkSecurity[] = [];
  const onLink = (link: LinkSecurity): void => void links.push(link);
  const opened = await initialize(server, { onLink });
  assert.equal(opened.kind, 'json');
  assert.match(opened.sessionId ?? '', /^[\w-]{43}$/);
  assert.deepEqual(links, [{ kind: 'plain', loopback: true }]);
  const session = { sessionId: opened.sessionId };
  const text = Buffer.from('{ "jsonrpc": "2.0", "id": 1.0, "method": "ping" }');
  const spaced = readFrame(text, jsonLimitsOf(DEFAULT_LIMITS, 1024));
  const answer = await upstream.exchange(post(undefined, { ...session, frame: spaced }));
  assert.ok(answer.kind === 'json');
  assert.equal(answer.frame.bytes.toString(), '{"jsonrpc":"2.0","id":1,"result":{}}');
  assert.equal(server.heard[1], text.toString());
  assert.equal(upstream.stats().sessions, 1);
  assert.equal((await upstream.exchange(bare('DELETE', session))).status, 200);
  await until(() => server.streams().length === 0);
  await assert.rejects(upstream.exchange(post(call(1), session)), {
    code: 'POSTERN_SESSION_NOT_FOUND',
    httpStatus: 404,
  });
});

test('R-23 a session is a stream of its own and serves one principal', TIMEOUT, async (t) => {
  const server = await legacy(t);
  const alice = await openSession(server);
  const bob = await openSession(server, 'bob');
  assert.equal(server.streams().length, 2);
  const stolen = server.upstream.exchange(post(call(1), { ...bob, principal: 'alice' }));
  await assert.rejects(stolen, { code: 'POSTERN_SESSION_NOT_FOUND' });
  await assert.rejects(server.upstream.exchange(post(call(1))), {
    code: 'POSTERN_SESSION_REQUIRED',
  });
  assert.equal((await server.upstream.exchange(post(call(1), alice))).kind, 'json');
});

test(
  'R-23 the server hears the gateway’s headers, and none of the client’s',
  TIMEOUT,
  async (t) => {
    let key = 'one';
    const credentials = { current: () => ({ 'x-key': key }), refused: () => undefined };
    const options = { headers: { 'x-static': 'always' }, credentials };
    const server = await legacy(t, {}, {}, options);
    const session = await openSession(server);
    key = 'two';
    const mcpHeaders = { 'mcp-param-x': 'y' };
    await server.upstream.exchange(post(call(1), { ...session, mcpHeaders, lastEventId: '7' }));
    const names = server.requests.map(({ headers }) => Object.keys(headers));
    assert.deepEqual(
      names.flat().filter((name) => name.startsWith('mcp-') || name === 'last-event-id'),
      [],
    );
    const [get, , , post2] = server.requests.map(({ headers }) => headers);
    assert.deepEqual(
      [get?.accept, get?.['x-static'], get?.['x-key']],
      ['text/event-stream', 'always', 'one'],
    );
    assert.deepEqual([post2?.['x-static'], post2?.['x-key']], ['always', 'two']);
  },
);

test('R-23 progress comes with its call, the rest on the session’s stream', TIMEOUT, async (t) => {
  const server = await legacy(t, {
    onPost(message, _response, stream, usual) {
      if (message['method'] === 'tools/call') {
        stream.say({ method: 'notifications/tools/list_changed' });
        const params = { progressToken: 'p', progress: 1 };
        stream.say({ method: 'notifications/progress', params });
      }
      usual();
    },
  });
  const session = await openSession(server);
  const own = iterate(await server.upstream.exchange(bare('GET', session)));
  const reply = await server.upstream.exchange(post(call(1, { progressToken: 'p' }), session));
  const messages = iterate(reply);
  assert.equal((await next(messages))['method'], 'notifications/progress');
  assert.equal((await next(messages))['id'], 1);
  assert.equal((await messages.next()).done, true);
  assert.equal((await next(own))['method'], 'notifications/tools/list_changed');
  await own.return?.();
});

test('R-23 a question of the server is answered once, while its call waits', TIMEOUT, async (t) => {
  const server = await legacy(t, {
    onPost(message, response, stream, usual) {
      const { method, id } = message;
      if (method === 'tools/call') {
        // The acknowledgement may come after the end of the call, on which it must not hold.
        stream.say({ id: 'q', method: 'roots/list' });
        response.once('close', () => undefined);
        return;
      }
      if (method === undefined) {
        stream.say({ id: 7, result: { heard: message['result'] } });
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end('{"jsonrpc":"2.0","id":7,"result":"not this one"}');
        return;
      }
      assert.notEqual(id, 'q');
      usual();
    },
  });
  const session = await openSession(server);
  const messages = iterate(await server.upstream.exchange(post(call(7), session)));
  assert.equal((await next(messages))['method'], 'roots/list');
  const answer = { id: 'q', result: { roots: [] } };
  const twice = await Promise.allSettled([
    server.upstream.exchange(post(answer, session)),
    server.upstream.exchange(post(answer, session)),
  ]);
  assert.deepEqual(
    twice.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  );
  assert.deepEqual((await next(messages))['result'], { heard: { roots: [] } });
});

test('R-23 comments, other events and whatever line ends are no hindrance', TIMEOUT, async (t) => {
  const server = await legacy(t, {
    onGet(response) {
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
      response.write(
        ': welcome\r\n\r\nretry: 10\r\n\r\nevent: endpoint\r\ndata: /messages?session=1\r\n\r\n',
      );
      response.write('event: endpoint\ndata: https://evil.example/\n\n');
      response.write('event: ping\ndata: {"jsonrpc":"2.0","id":0,"result":"forged"}\n\n');
      response.write(
        'data: {"jsonrpc":"2.0",\ndata: "id":0,\ndata: "result":{"a":1}}\n\n: still here\n\n',
      );
    },
    onPost: (_message, response) => void response.writeHead(204).end(),
  });
  const reply = await initialize(server);
  assert.ok(reply.kind === 'json');
  assert.equal(reply.frame.bytes.toString(), '{"jsonrpc":"2.0", "id":0, "result":{"a":1}}');
});

test(
  'R-23 what 2026-07-28 asks is answered so that a client turns to initialize',
  TIMEOUT,
  async (t) => {
    const server = await legacy(t);
    const revision = statelessRevision();
    const send = (message: Json) => server.upstream.exchange(post(message, { revision }));
    const discover = await send({ id: 1, method: 'server/discover', params: {} });
    assert.ok(discover.kind === 'json' && 'outcome' in discover.frame);
    assert.equal(discover.status, 400);
    assert.match(discover.frame.bytes.toString(), /-32601.*use initialize/);
    assert.equal((await send({ method: 'notifications/x' })).status, 202);
    assert.equal((await server.upstream.exchange(bare('GET', { revision }))).status, 405);
    assert.deepEqual(server.requests, []);
  },
);

test('R-23 a slow reader makes the server wait, and gets everything', TIMEOUT, async (t) => {
  const count = 6000;
  const filler = 'x'.repeat(4000);
  const server = await legacy(
    t,
    {
      onPost(message, _response, stream, usual) {
        for (let n = 1; message['method'] === 'tools/call' && n <= count; n += 1) {
          const params = { progressToken: 'p', progress: n, message: filler };
          stream.say({ method: 'notifications/progress', params });
        }
        usual();
      },
    },
    { sseBufferBytes: 64 * 1024 },
  );
  const session = await openSession(server);
  const reply = await server.upstream.exchange(post(call(1, { progressToken: 'p' }), session));
  const messages = iterate(reply);
  for (let n = 1; n <= count; n += 1) {
    const { params } = (await next(messages)) as { params: { progress: number } };
    if (params.progress !== n) assert.fail(`${params.progress} came in the place of ${n}`);
    // 24 MB do not fit into what is between the server and the reader.
    if (n === 1) assert.ok((server.streams()[0]?.response.writableLength ?? 0) > 0);
  }
  assert.equal((await next(messages))['id'], 1);
});

test('R-23 sessions whose link is not accepted any more end', TIMEOUT, async (t) => {
  let refusal: string | null = null;
  const server = await legacy(t, {}, {}, { acceptLink: () => refusal });
  const session = await openSession(server);
  server.upstream.recycle();
  assert.equal((await server.upstream.exchange(post(call(1), session))).kind, 'json');
  refusal = 'the policy wants more';
  server.upstream.recycle();
  await assert.rejects(server.upstream.exchange(post(call(2), session)), {
    code: 'POSTERN_SESSION_NOT_FOUND',
  });
  await assert.rejects(initialize(server), { code: 'POSTERN_UPSTREAM_LINK_REFUSED' });
});

test('R-23 a client that vanishes leaves neither session nor socket', TIMEOUT, async (t) => {
  let silent = true;
  const server = await legacy(
    t,
    {
      onPost(message, response, _stream, usual) {
        if (silent && message['method'] === 'initialize') response.writeHead(202).end();
        else usual();
      },
    },
    { sessionIdleTimeoutMs: 100, upstreamKeepAliveMs: 1000 },
  );
  const client = new AbortController();
  const lost = initialize(server, { signal: client.signal });
  await until(() => server.heard.length === 1);
  client.abort();
  await assert.rejects(lost, { code: 'POSTERN_CALL_CANCELLED' });
  await until(() => server.streams().length === 0);
  silent = false;
  const callbacks: (() => void)[] = [];
  const connection = { onceClosed: (callback: () => void) => void callbacks.push(callback) };
  const { sessionId } = await initialize(server, { connection });
  const message = { method: 'notifications/initialized' };
  await server.upstream.exchange(post(message, { sessionId, connection }));
  assert.equal(server.streams().length, 1);
  for (const callback of callbacks) callback();
  await until(() => server.sockets() === 0);
  const { sessions, connections } = server.upstream.stats();
  assert.deepEqual([sessions, connections], [0, 0]);
});

test('R-23 closing ends streams, calls and messages on their way', TIMEOUT, async (t) => {
  const server = await legacy(t, {
    onPost: (message, _response, _stream, usual) => void (message['id'] === 1 || usual()),
    onGet: (response) => openStream(response, '/messages?session=1'),
  });
  const session = await openSession(server);
  const pending = server.upstream.exchange(post(call(1), session));
  await until(() => server.heard.length === 3);
  const settled = assert.rejects(pending, { code: 'POSTERN_UPSTREAM_UNAVAILABLE' });
  await server.upstream.close();
  await settled;
  await assert.rejects(initialize(server), { code: 'POSTERN_UPSTREAM_UNAVAILABLE' });
  await until(() => server.sockets() === 0);
});

test('R-23 messages go to the endpoint that has the stream', TIMEOUT, async (t) => {
  const [one, other] = [await legacy(t), await legacy(t)];
  const gone = 'http://127.0.0.1:1/sse';
  const both = await legacy(t, {}, {}, { urls: urlsOf(gone, one.url, other.url) });
  const sessions = await Promise.all([1, 2, 3, 4].map(() => openSession(both)));
  assert.deepEqual([one.streams().length, other.streams().length], [2, 2]);
  for (const session of sessions) {
    assert.equal((await both.upstream.exchange(post(call(1), session))).kind, 'json');
  }
  assert.deepEqual([one.heard.length, other.heard.length, both.heard.length], [6, 6, 0]);
  await both.upstream.close();
});

function urlsOf(first: string, ...others: readonly string[]): [URL, ...URL[]] {
  return [new URL(first), ...others.map((url) => new URL(url))];
}
