import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StreamEvent, Upstream, UpstreamReply, UpstreamRequest } from '../../upstream.ts';
import type { Bench, Scope } from '../fixtures/harness.ts';
import {
  all,
  bench,
  callTool,
  exchange,
  fixture,
  initialize,
  jsonOf,
  messagesOf,
  openSession,
  STATELESS,
  ENVELOPE,
  until,
} from '../fixtures/harness.ts';

type Json = Record<string, unknown>;

function shared(scope: Scope, way = 'plain', instances: 'shared' | 'principal' = 'shared'): Bench {
  const limits = { statelessChildIdleMs: 200, childBackoffMinMs: 10, childBackoffMaxMs: 100 };
  return bench(scope, { args: [fixture('hostile.ts'), way], instances, limits });
}

function valueOf(reply: UpstreamReply): Json {
  return (jsonOf(reply)['result'] as { structuredContent: Json }).structuredContent;
}

const ALICE = { principal: 'alice' };
const BOB = { principal: 'bob' };

test('R-23 one process serves the sessions of everybody, each with its own answers', async (t) => {
  const { upstream } = shared(t);
  const [first, second] = await Promise.all([
    openSession(upstream, ALICE),
    openSession(upstream, BOB),
  ]);
  assert.notEqual(first, second);
  assert.equal(upstream.stats().children, 1);
  // The same id in both sessions at once; the later answer comes first.
  const [mine, theirs] = await Promise.all([
    exchange(upstream, callTool(7, 'late', { count: 150 }), { ...ALICE, sessionId: first }),
    exchange(upstream, callTool(7, 'huge', { count: 5 }), { ...BOB, sessionId: second }),
  ]);
  assert.deepEqual([jsonOf(mine)['id'], valueOf(mine)], [7, {}]);
  assert.deepEqual([jsonOf(theirs)['id'], valueOf(theirs)], [7, { filler: 'xxxxx' }]);
  const heard = valueOf(
    await exchange(upstream, callTool(8, 'heard'), { ...ALICE, sessionId: first }),
  );
  const methods = (heard['heard'] as string[]).map((line) => (JSON.parse(line) as Json)['method']);
  assert.deepEqual(methods.slice(0, 2), ['initialize', 'notifications/initialized']);
  assert.equal(methods.filter((method) => method === 'initialize').length, 1);
  assert.deepEqual(JSON.parse((heard['heard'] as string[])[0] ?? '').params.capabilities, {});
});

test('R-23 a session sees the revision that it asked for, and nothing that cannot be shared', async (t) => {
  const { upstream } = shared(t);
  const old = structuredClone(initialize()) as { params: Json };
  old.params['protocolVersion'] = '2025-03-26';
  const reply = jsonOf(await exchange(upstream, old, ALICE));
  const result = reply['result'] as Json;
  assert.deepEqual([reply['id'], result['protocolVersion']], [0, '2025-03-26']);
  const sessionId = await openSession(upstream, ALICE);
  for (const method of ['tasks/list', 'logging/setLevel']) {
    const refused = await exchange(
      upstream,
      { jsonrpc: '2.0', id: 1, method },
      { ...ALICE, sessionId },
    );
    assert.equal((jsonOf(refused)['error'] as Json)['code'], -32_601);
  }
});

test('R-23 progress goes to the session that asked for it, under its own token', async (t) => {
  const { upstream } = shared(t);
  const [first, second] = [await openSession(upstream, ALICE), await openSession(upstream, BOB)];
  const count = (id: number): object =>
    callTool(id, 'progress', { count: 3 }, { progressToken: 'mine' });
  const replies = await Promise.all([
    exchange(upstream, count(1), { ...ALICE, sessionId: first }),
    exchange(upstream, count(1), { ...BOB, sessionId: second }),
  ]);
  for (const reply of replies) {
    const messages = await all(messagesOf(reply));
    const tokens = messages.slice(0, 3).map(({ params }) => (params as Json)['progressToken']);
    assert.deepEqual(tokens, ['mine', 'mine', 'mine']);
    assert.equal(messages.length, 4);
    assert.equal(messages[3]?.['id'], 1);
  }
});

test('R-23 what concerns all reaches all, what was subscribed to its subscribers, logs nobody', async (t) => {
  const { upstream } = shared(t);
  const [first, second] = [await openSession(upstream, ALICE), await openSession(upstream, BOB)];
  const alice = { ...ALICE, sessionId: first };
  const bob = { ...BOB, sessionId: second };
  const [heardByAlice, heardByBob] = [
    listenTo(await exchange(upstream, null, alice)),
    listenTo(await exchange(upstream, null, bob)),
  ];
  const subscribe = (method: string): object => ({
    jsonrpc: '2.0',
    id: 1,
    method,
    params: { uri: 'x://y' },
  });
  await exchange(upstream, subscribe('resources/subscribe'), bob);
  await exchange(upstream, callTool(2, 'touch', { uri: 'x://y' }), alice);
  await exchange(upstream, callTool(3, 'change'), alice);
  await until('both have heard', () => heardByAlice.length > 0 && heardByBob.length > 1);
  assert.deepEqual(heardByAlice, ['notifications/tools/list_changed']);
  assert.deepEqual(heardByBob, [
    'notifications/resources/updated',
    'notifications/tools/list_changed',
  ]);
  // A log message may be about a call that was answered or cancelled before, of another session.
  const slow = exchange(upstream, callTool(4, 'late', { count: 50 }), bob);
  await exchange(upstream, callTool(5, 'tell-after'), alice);
  assert.equal((await slow).kind, 'json');
  assert.ok(!heardByAlice.includes('notifications/message'));
  assert.ok(!heardByBob.includes('notifications/message'));
});

test('R-18 no session ends the subscription of another', async (t) => {
  const { upstream } = shared(t);
  const [first, second] = [await openSession(upstream, ALICE), await openSession(upstream, BOB)];
  const alice = { ...ALICE, sessionId: first };
  const bob = { ...BOB, sessionId: second };
  const ask = (method: string): object => {
    return { jsonrpc: '2.0', id: method, method, params: { uri: 'x://y' } };
  };
  await exchange(upstream, ask('resources/subscribe'), bob);
  // Alice never subscribed.
  await exchange(upstream, ask('resources/unsubscribe'), alice);
  const heard = valueOf(await exchange(upstream, callTool(1, 'heard'), alice))['heard'] as string[];
  assert.deepEqual(
    heard.filter((line) => line.includes('resources/unsubscribe')),
    [],
  );
  await exchange(upstream, ask('resources/unsubscribe'), bob);
  const then = valueOf(await exchange(upstream, callTool(2, 'heard'), alice))['heard'] as string[];
  assert.equal(then.filter((line) => line.includes('resources/unsubscribe')).length, 1);
});

test('R-18 the answer to the farewell of one session is not that to a call of another', async (t) => {
  const { upstream } = shared(t);
  const [first, second] = [await openSession(upstream, ALICE), await openSession(upstream, BOB)];
  const subscribe = {
    jsonrpc: '2.0',
    id: 1,
    method: 'resources/subscribe',
    params: { uri: 'x:y' },
  };
  await exchange(upstream, subscribe, { ...ALICE, sessionId: first });
  await exchange(upstream, null, { ...ALICE, sessionId: first, httpMethod: 'DELETE' });
  const bob = { ...BOB, sessionId: second };
  const reply = jsonOf(await exchange(upstream, callTool(2, 'huge', { count: 3 }), bob));
  assert.deepEqual((reply['result'] as Json)['structuredContent'], { filler: 'xxx' });
});

test('R-23 a server asks in vain, since nobody can tell whom', async (t) => {
  const { upstream } = shared(t);
  const sessionId = await openSession(upstream, ALICE, { roots: {} });
  const reply = await exchange(upstream, callTool(1, 'ask'), { ...ALICE, sessionId });
  // The fixture answers with what it was answered: no result.
  assert.deepEqual(valueOf(reply), {});
});

test('R-25 a session that ends cancels its own calls alone; the process ends when all are gone', async (t) => {
  const { upstream } = shared(t);
  const [first, second] = [await openSession(upstream, ALICE), await openSession(upstream, BOB)];
  const bob = { ...BOB, sessionId: second };
  const hanging = exchange(upstream, callTool('h', 'hang'), { ...ALICE, sessionId: first });
  const failed = assert.rejects(hanging, { code: 'POSTERN_UPSTREAM_UNAVAILABLE' });
  await exchange(upstream, null, { ...ALICE, sessionId: first, httpMethod: 'DELETE' });
  await failed;
  const heard = valueOf(await exchange(upstream, callTool(1, 'heard'), bob))['heard'] as string[];
  const cancelled = heard.filter((line) => line.includes('notifications/cancelled'));
  assert.equal(cancelled.length, 1);
  await exchange(upstream, null, { ...bob, httpMethod: 'DELETE' });
  await until('the process has ended', () => upstream.stats().children === 0);
});

test('R-25 a crash ends every session clearly, and the next one starts anew', async (t) => {
  const { upstream } = shared(t);
  const [first, second] = [await openSession(upstream, ALICE), await openSession(upstream, BOB)];
  const waiting = exchange(upstream, callTool(1, 'hang'), { ...BOB, sessionId: second });
  const failed = assert.rejects(waiting, { code: 'POSTERN_UPSTREAM_UNAVAILABLE' });
  await assert.rejects(exchange(upstream, callTool(1, 'crash'), { ...ALICE, sessionId: first }), {
    code: 'POSTERN_UPSTREAM_UNAVAILABLE',
  });
  await failed;
  const lost = exchange(upstream, callTool(2, 'echo'), { ...BOB, sessionId: second });
  await assert.rejects(lost, { code: 'POSTERN_SESSION_NOT_FOUND' });
  await until('it may be started again', async () => {
    try {
      await openSession(upstream, BOB);
      return true;
    } catch {
      return false;
    }
  });
});

test('R-23 a server that refuses to initialize is quoted to every session', async (t) => {
  const { upstream } = shared(t, 'refuse');
  const reply = jsonOf(await exchange(upstream, initialize(5), ALICE));
  const error = { code: -32_022, message: 'not that', data: { supported: ['2026-07-28'] } };
  assert.deepEqual([reply['id'], reply['error']], [5, error]);
});

test('R-18 instances by principal are shared by its sessions alone', async (t) => {
  const { upstream } = shared(t, 'plain', 'principal');
  await openSession(upstream, ALICE);
  await openSession(upstream, ALICE);
  assert.equal(upstream.stats().children, 1);
  await openSession(upstream, BOB);
  assert.equal(upstream.stats().children, 2);
});

test('R-23 sessionless calls of everybody share processes too', async (t) => {
  const { upstream } = shared(t, 'modern');
  const params = { name: 'echo', arguments: {}, _meta: ENVELOPE };
  const call = (id: string): object => ({ jsonrpc: '2.0', id, method: 'tools/call', params });
  const pids = await Promise.all(
    [ALICE, BOB].map(async (who) =>
      valueOf(await exchange(upstream, call(who.principal), { ...who, revision: STATELESS })),
    ),
  );
  assert.deepEqual(pids[0], pids[1]);
  // Of one call alone; yet it might be about another one, which was cancelled.
  const told = { ...call('t'), params: { ...params, name: 'tell' } };
  const reply = await exchange(upstream, told, { ...ALICE, revision: STATELESS });
  assert.equal(reply.kind, 'json');
});

test('R-25 a slow reader does not hold up the others, and is let go when too much waits', async (t) => {
  const { upstream } = bench(t, {
    args: [fixture('hostile.ts'), 'plain'],
    instances: 'shared',
    limits: { sseBufferBytes: 64 * 1024, maxMessageBytes: 128 * 1024 },
  });
  const [slow, quick] = [await openSession(upstream, ALICE), await openSession(upstream, BOB)];
  const flood = callTool(1, 'progress', { count: 4000 }, { progressToken: 1 });
  const unread = await exchange(upstream, flood, { ...ALICE, sessionId: slow });
  assert.equal(unread.kind, 'events');
  const bob = { ...BOB, sessionId: quick };
  assert.deepEqual(valueOf(await exchange(upstream, callTool(1, 'huge', { count: 3 }), bob)), {
    filler: 'xxx',
  });
  await until('the slow session has ended', () => upstream.stats().sessions === 1);
});

function listenTo(reply: UpstreamReply): readonly string[] {
  const methods: string[] = [];
  assert.equal(reply.kind, 'events');
  if (reply.kind === 'events') void collect(reply.events, methods);
  return methods;
}

async function collect(events: AsyncIterable<StreamEvent>, methods: string[]): Promise<void> {
  for await (const { message } of events) {
    if (message !== null) methods.push(String((JSON.parse(message.toString()) as Json)['method']));
  }
}

const asked = (id: number | string, name: string, args: object = {}, meta: object = {}): object =>
  callTool(id, name, args, { ...ENVELOPE, ...meta });

const sessionless = (upstream: Upstream, message: object, more: Partial<UpstreamRequest>) =>
  exchange(upstream, message, { revision: STATELESS, ...more });

test('R-18 a late answer to one client never meets the request of another', async (t) => {
  const { upstream } = shared(t, 'modern');
  const control = new AbortController();
  const late = asked(7, 'late', { count: 50 }, { progressToken: 7 });
  const given = sessionless(upstream, late, { ...ALICE, signal: control.signal });
  control.abort();
  await assert.rejects(given, { code: 'POSTERN_CALL_CANCELLED' });
  const [mine, theirs] = await Promise.all([
    sessionless(upstream, asked(7, 'late', { count: 150 }), BOB),
    sessionless(upstream, asked(7, 'huge', { count: 3 }), ALICE),
  ]);
  assert.deepEqual([jsonOf(mine)['id'], valueOf(mine)], [7, {}]);
  assert.deepEqual([jsonOf(theirs)['id'], valueOf(theirs)], [7, { filler: 'xxx' }]);
  assert.equal(upstream.stats().children, 1);
  const heard = valueOf(await sessionless(upstream, asked('h', 'heard'), BOB))['heard'] as string[];
  const cancelled = heard.find((line) => line.includes('notifications/cancelled'));
  const first = JSON.parse(heard[0] ?? '') as { id: unknown };
  assert.equal(JSON.parse(cancelled ?? '').params.requestId, first.id);
});

test('R-23 sessionless clients of one process get back their own ids and tokens', async (t) => {
  const { upstream } = shared(t, 'modern');
  const listen = (id: string): object => {
    const params = { notifications: { toolsListChanged: true }, _meta: ENVELOPE };
    return { jsonrpc: '2.0', id, method: 'subscriptions/listen', params };
  };
  const streams = await Promise.all(
    [ALICE, BOB].map(async (who) => messagesOf(await sessionless(upstream, listen('s'), who))),
  );
  const count = asked('c', 'progress', { count: 2 }, { progressToken: 'mine' });
  const told = await all(messagesOf(await sessionless(upstream, count, ALICE)));
  const tokens = told.map(({ params }) => (params as Json | undefined)?.['progressToken']);
  assert.deepEqual(tokens, ['mine', 'mine', undefined]);
  assert.equal(told.at(-1)?.['id'], 'c');
  await sessionless(upstream, asked('x', 'change'), BOB);
  for (const stream of streams) {
    for (const method of ['subscriptions/acknowledged', 'tools/list_changed']) {
      const { value } = await stream.next();
      assert.equal(value?.['method'], `notifications/${method}`);
      const meta = (value as { params: { _meta: Json } }).params['_meta'];
      assert.deepEqual(meta, { 'io.modelcontextprotocol/subscriptionId': 's' });
    }
    await stream.return(undefined);
  }
  assert.equal(upstream.stats().children, 1);
});
