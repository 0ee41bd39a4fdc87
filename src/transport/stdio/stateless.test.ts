import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Upstream, UpstreamReply, UpstreamRequest } from '../upstream.ts';
import {
  all,
  callTool,
  ENVELOPE,
  exchange,
  hostile,
  initialize,
  jsonOf,
  messagesOf,
  notification,
  openSession,
  STATELESS,
  until,
} from './fixtures/harness.ts';

function ask(
  upstream: Upstream,
  message: object | null,
  options: Partial<UpstreamRequest> = {},
): Promise<UpstreamReply> {
  return exchange(upstream, message, { revision: STATELESS, ...options });
}

function tool(id: number, name: string, args: object = {}, meta: object = {}): object {
  return callTool(id, name, args, { ...ENVELOPE, ...meta });
}

function discover(id: number): object {
  return { jsonrpc: '2.0', id, method: 'server/discover', params: { _meta: ENVELOPE } };
}

function listen(id: number): object {
  const params = { notifications: { toolsListChanged: true }, _meta: ENVELOPE };
  return { jsonrpc: '2.0', id, method: 'subscriptions/listen', params };
}

function pidOf(reply: UpstreamReply): number {
  const { result } = jsonOf(reply) as { result: { structuredContent: { pid: number } } };
  return result.structuredContent.pid;
}

async function heardBy(upstream: Upstream): Promise<readonly string[]> {
  const reply = jsonOf(await ask(upstream, tool(999, 'heard')));
  return (reply as { result: { structuredContent: { heard: string[] } } }).result.structuredContent
    .heard;
}

test('R-23 calls of one principal share a process, those of another do not', async (t) => {
  const { upstream } = hostile(t, 'modern');
  const first = pidOf(await ask(upstream, tool(1, 'pid')));
  assert.equal(pidOf(await ask(upstream, tool(1, 'pid'))), first);
  assert.notEqual(pidOf(await ask(upstream, tool(1, 'pid'), { principal: 'bob' })), first);
  assert.deepEqual(upstream.stats(), { sessions: 0, children: 2, connections: 0 });
});

test('a call whose id or progress token is in flight goes to another process', async (t) => {
  const { upstream } = hostile(t, 'modern', { maxStatelessChildren: 3 });
  const busy = ask(upstream, tool(1, 'hang', {}, { progressToken: 'p' }));
  const settled = Promise.allSettled([busy]);
  const [sameId, sameToken, free] = await Promise.all([
    ask(upstream, tool(1, 'pid')),
    ask(upstream, tool(2, 'pid', {}, { progressToken: 'p' })),
    ask(upstream, tool(3, 'pid')),
  ]);
  assert.equal(pidOf(sameId), pidOf(sameToken));
  assert.notEqual(pidOf(sameId), pidOf(free));
  await upstream.close();
  assert.equal((await settled)[0]?.status, 'rejected');
});

test('at the limit an idle process makes room, a busy one does not', async (t) => {
  const { upstream } = hostile(t, 'modern', { maxStatelessChildren: 2 });
  const hanging = [ask(upstream, tool(1, 'hang')), ask(upstream, tool(1, 'pid'))];
  assert.ok(hanging[1]);
  await hanging[1];
  const bobs = ask(upstream, tool(1, 'hang'), { principal: 'bob' });
  await assert.rejects(ask(upstream, tool(1, 'pid'), { principal: 'carol' }), {
    code: 'POSTERN_UPSTREAM_OVERLOADED',
    details: { limit: 'max_stateless_children', max: 2 },
  });
  const settled = Promise.allSettled([...hanging, bobs]);
  await upstream.close();
  await settled;
});

test('an idle process is stopped', async (t) => {
  const { upstream } = hostile(t, 'modern', { statelessChildIdleMs: 200 });
  await ask(upstream, tool(1, 'pid'));
  await until('it is gone', () => upstream.stats().children === 0);
});

test('a client that goes away cancels: the server is told', async (t) => {
  const { upstream } = hostile(t, 'modern');
  const client = new AbortController();
  const hanging = ask(upstream, tool(7, 'hang'), { signal: client.signal });
  client.abort();
  await assert.rejects(hanging, { code: 'POSTERN_CALL_CANCELLED' });
  const heard = (await heardBy(upstream)).map(
    (line) => JSON.parse(line) as Record<string, unknown>,
  );
  const cancelled = heard.find(({ method }) => method === 'notifications/cancelled') ?? {};
  assert.equal((cancelled['params'] as { requestId: number }).requestId, 7);
  // A late answer must not meet a new call.
  await ask(upstream, tool(7, 'pid'));
  assert.equal(upstream.stats().children, 2);
});

test('R-25 a process that owes too many late answers gets no more calls', async (t) => {
  const { upstream } = hostile(t, 'modern');
  const first = pidOf(await ask(upstream, tool(-1, 'pid')));
  for (let id = 0; id < 1025; id += 32) {
    const client = new AbortController();
    const calls = Array.from({ length: 32 }, (_, at) => {
      const { signal } = client;
      return ask(upstream, tool(id + at, 'hang'), { signal });
    });
    const settled = Promise.allSettled(calls);
    client.abort();
    await settled;
  }
  assert.notEqual(pidOf(await ask(upstream, tool(0, 'pid'))), first);
});

test('R-25 the late answer to a discover that was given up meets no new request', async (t) => {
  const { upstream } = hostile(t, 'silent', { discoverTimeoutMs: 100 });
  const calls = [ask(upstream, tool(1, 'hang'))];
  const given = jsonOf(await ask(upstream, discover(2)));
  assert.equal((given['error'] as { code: number }).code, -32_601);
  calls.push(ask(upstream, tool(2, 'hang')));
  const settled = Promise.allSettled(calls);
  assert.equal(upstream.stats().children, 2);
  await upstream.close();
  await settled;
});

test('a reader that ends its stream early cancels too', async (t) => {
  const { upstream } = hostile(t, 'modern');
  const call = tool(7, 'progress', { hang: true }, { progressToken: 7 });
  const messages = messagesOf(await ask(upstream, call));
  await messages.next();
  await messages.return(undefined);
  assert.ok((await heardBy(upstream)).some((line) => line.includes('"requestId":7')));
});

test('a subscription gets its own notifications, outlives the limits and ends with the client', async (t) => {
  const { upstream } = hostile(t, 'modern', { upstreamIdleTimeoutMs: 1000, callMaxMs: 1500 });
  const messages = messagesOf(await ask(upstream, listen(1)));
  const next = async (): Promise<Record<string, unknown>> => {
    const { value } = await messages.next();
    return value as Record<string, unknown>;
  };
  assert.equal((await next())['method'], 'notifications/subscriptions/acknowledged');
  await assert.rejects(ask(upstream, tool(2, 'hang')), { code: 'POSTERN_UPSTREAM_TIMEOUT' });
  await ask(upstream, tool(3, 'change'));
  const change = await next();
  assert.equal(change['method'], 'notifications/tools/list_changed');
  assert.deepEqual(change['params'], { _meta: { 'io.modelcontextprotocol/subscriptionId': 1 } });
  await messages.return(undefined);
  assert.ok((await heardBy(upstream)).some((line) => line.includes('"requestId":1,')));
});

test('a subscription that the server ends is over for the client', async (t) => {
  const { upstream } = hostile(t, 'modern');
  const reading = all(messagesOf(await ask(upstream, listen(1))));
  await ask(upstream, tool(2, 'unlisten'));
  assert.equal((await reading).length, 1);
});

test('a log message goes to the only call there is, and to none when there are two', async (t) => {
  const { upstream } = hostile(t, 'modern');
  const alone = await ask(upstream, tool(1, 'tell', { count: 1 }));
  assert.equal((await all(messagesOf(alone))).length, 2);
  const late = ask(upstream, tool(2, 'late', { count: 100 }));
  assert.equal((await ask(upstream, tool(3, 'tell', { count: 1 }))).kind, 'json');
  assert.equal((await late).kind, 'json');
});

test('a request of the server is dropped', async (t) => {
  const { upstream, events } = hostile(t, 'modern', { upstreamIdleTimeoutMs: 1000 });
  await assert.rejects(ask(upstream, tool(1, 'ask')), { code: 'POSTERN_UPSTREAM_TIMEOUT' });
  assert.ok(events.some(({ message }) => message.includes('a request, which servers do not send')));
});

test('R-23 errors have the HTTP status that the revision gives them', async (t) => {
  const { upstream } = hostile(t, 'modern');
  const statusOf = async (count: number, meta: object = {}): Promise<number> =>
    (await ask(upstream, tool(1, 'fail', { count }, meta))).status;
  assert.equal(await statusOf(-32601), 404);
  for (const code of [-32020, -32021, -32022]) assert.equal(await statusOf(code), 400);
  assert.equal(await statusOf(-32602), 200);
  assert.equal(await statusOf(-32603), 200);
  const bare = { 'io.modelcontextprotocol/clientCapabilities': 'none' };
  assert.equal(await statusOf(-32602, bare), 400);
});

test('GET, DELETE, notifications, responses and initialize of this revision', async (t) => {
  const { upstream } = hostile(t, 'modern');
  assert.equal((await ask(upstream, null)).status, 405);
  assert.equal((await ask(upstream, null, { httpMethod: 'DELETE' })).status, 405);
  const cancel = notification('notifications/cancelled', { requestId: 1 });
  assert.equal((await ask(upstream, cancel)).status, 202);
  await assert.rejects(ask(upstream, { jsonrpc: '2.0', id: 1, result: {} }), {
    code: 'POSTERN_RESPONSE_UNEXPECTED',
  });
  assert.equal((await ask(upstream, initialize())).status, 404);
  assert.equal(upstream.stats().children, 0);
});

for (const { way, what, discoverTimeoutMs } of [
  { way: 'plain', what: 'refuses server/discover', discoverTimeoutMs: 60_000 },
  { way: 'initialize-first', what: 'exits at server/discover', discoverTimeoutMs: 60_000 },
  { way: 'silent', what: 'does not answer server/discover', discoverTimeoutMs: 200 },
]) {
  test(`R-23 a server that ${what} is of the stateful era`, async (t) => {
    const { upstream } = hostile(t, way, { discoverTimeoutMs });
    const reply = await ask(upstream, discover(5));
    assert.equal(reply.status, 400);
    const { id, error } = jsonOf(reply) as { id: number; error: { code: number; message: string } };
    assert.deepEqual([id, error.code], [5, -32601]);
    assert.match(error.message, /use initialize/);
    if (way !== 'silent') assert.ok(await openSession(upstream));
    if (way === 'plain') {
      const children = upstream.stats().children;
      assert.equal((await ask(upstream, tool(6, 'pid'))).status, 400);
      assert.ok(upstream.stats().children <= children);
      // What one principal learned is not held against another.
      assert.equal((await ask(upstream, tool(6, 'pid'), { principal: 'bob' })).status, 200);
    }
  });
}

test('a malformed discover teaches nothing', async (t) => {
  const { upstream } = hostile(t, 'plain');
  const bare = { jsonrpc: '2.0', id: 1, method: 'server/discover', params: {} };
  assert.equal((await ask(upstream, bare)).status, 404);
  assert.equal((await ask(upstream, tool(2, 'pid'))).status, 200);
});

test('a server that does not read is refused more, not waited for in memory', async (t) => {
  const { upstream } = hostile(t, 'deaf', { maxMessageBytes: 1 << 20 });
  const filler = 'x'.repeat(900_000);
  const first = ask(upstream, tool(1, 'echo', { filler }));
  const settled = Promise.allSettled([first]);
  await assert.rejects(ask(upstream, tool(2, 'echo', { filler })), {
    code: 'POSTERN_UPSTREAM_OVERLOADED',
    message: /does not read/,
  });
  await upstream.close();
  assert.equal((await settled)[0]?.status, 'rejected');
});
