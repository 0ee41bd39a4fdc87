import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject, Revision } from '#mcp';
import type { StreamEvent, Upstream } from '#transport';
import { CallCancelled } from '#transport';
import { until } from '../../test/support/until.ts';
import {
  answerOf,
  bridgeTo,
  exchangeOf,
  json,
  resultOf,
  statefulServer,
  toolCall,
} from './fixtures/servers.ts';
import { notificationFrame, requestFrame, resultFrame } from './frames.ts';
import { addMeta, STATEFUL, STATELESS } from './meta.ts';
import { eventOf } from './reply.ts';

const INVALID = { code: 'POSTERN_REQUEST_STATE_INVALID' };
const ANSWERS = { inputResponses: { input: { action: 'accept', content: {} } } };

const call = async (bridge: Upstream, params: JsonObject = {}, principal = 'alice') =>
  resultOf(await bridge.exchange(exchangeOf(toolCall(1, params), STATELESS, { principal })));

test('R-23 a call that waits for its client goes on once, with the client’s own token alone', async () => {
  const server = statefulServer();
  const bridge = bridgeTo(server);
  const asked = await call(bridge, { arguments: { a: 1, b: 2 } });
  assert.equal(asked['resultType'], 'input_required');
  assert.deepEqual(Object.keys(asked['inputRequests'] as object), ['input']);
  const requestState = String(asked['requestState']);
  const retry = { arguments: { b: 2, a: 1 }, requestState, ...ANSWERS };

  await assert.rejects(call(bridge, retry, 'mallory'), INVALID);
  await assert.rejects(call(bridge, { ...retry, name: 'other' }), INVALID);
  await assert.rejects(call(bridge, { ...retry, arguments: { a: 1, b: 3 } }), INVALID);
  await assert.rejects(call(bridgeTo(server), retry), INVALID);
  for (const forged of [`${requestState.slice(0, -2)}AA`, '', 'x', 7, null, {}]) {
    await assert.rejects(call(bridge, { ...retry, requestState: forged }), INVALID);
  }
  assert.deepEqual(
    await call(bridge, retry).then(({ answers, resultType }) => [answers, resultType]),
    [1, 'complete'],
  );
  await assert.rejects(call(bridge, retry), INVALID);
  await bridge.close();
  assert.equal(server.sessions.size, 0);
});

test('R-23 of a resumed call, too, the record has the revision that its server speaks', async () => {
  const server = statefulServer();
  const { script } = server;
  server.script = async (request) => {
    const reply = await script(request);
    if (request.frame?.kind !== 'request' || request.frame.method !== 'initialize') return reply;
    const result = { protocolVersion: '2025-06-18', capabilities: {} };
    return { ...reply, kind: 'json', frame: resultFrame(request.frame.id, result) };
  };
  const bridge = bridgeTo(server);
  const told: string[] = [];
  const onRevision = ({ name }: Revision): void => void told.push(name);
  const ask = async (params: JsonObject): Promise<JsonObject> =>
    resultOf(await bridge.exchange(exchangeOf(toolCall(1, params), STATELESS, { onRevision })));
  const { requestState } = await ask({ task: { ttl: 1 } });
  const calls = server.seen.filter((frame) => 'method' in frame && frame.method === 'tools/call');
  assert.doesNotMatch(String(calls.at(-1)?.bytes), /"task"/);
  assert.equal(told.at(-1), '2025-06-18');
  const { resultType } = await ask({ task: { ttl: 1 }, requestState, ...ANSWERS });
  assert.deepEqual([resultType, told.at(-1)], ['complete', '2025-06-18']);
  await bridge.close();
});

test('R-23 a client that comes back without the input is asked again', async () => {
  const server = statefulServer();
  const bridge = bridgeTo(server);
  const first = await call(bridge);
  const second = await call(bridge, { requestState: first['requestState'] });
  assert.equal(second['resultType'], 'input_required');
  assert.notEqual(second['requestState'], first['requestState']);
  const last = await call(bridge, { requestState: second['requestState'], ...ANSWERS });
  assert.equal(last['resultType'], 'complete');
  await bridge.close();
});

test('R-23 a client that leaves with the question in hand can still answer it', async () => {
  const server = statefulServer();
  const { script } = server;
  server.script = async (request) => {
    const reply = await script(request);
    const { frame } = request;
    const isCall = frame?.kind === 'request' && frame.method === 'tools/call';
    if (!isCall || reply.kind !== 'events') return reply;
    return { ...reply, events: afterProgress(String(frame.id), reply.events) };
  };
  const bridge = bridgeTo(server);
  const frame = toolCall(1);
  const asking = requestFrame(1, frame.method, addMeta(frame.params, 'progressToken', 7));
  const reply = await bridge.exchange(exchangeOf(asking, STATELESS));
  assert.ok(reply.kind === 'events');
  const heard: JsonObject[] = [];
  for await (const { message } of reply.events) {
    heard.push(JSON.parse(String(message)) as JsonObject);
    if (heard.length === 2) break;
  }
  const { requestState } = (heard[1]?.['result'] ?? {}) as JsonObject;
  const last = await call(bridge, { requestState, ...ANSWERS });
  assert.equal(last['resultType'], 'complete');
  await bridge.close();
});

async function* afterProgress(
  progressToken: string,
  events: AsyncIterable<StreamEvent>,
): AsyncGenerator<StreamEvent, void> {
  const progress = notificationFrame('notifications/progress', { progressToken, progress: 1 });
  yield eventOf(progress.bytes);
  yield* events;
}

test('R-23 a call whose server ends its reply without an answer has failed', async () => {
  const server = statefulServer();
  const { script } = server;
  server.script = (request) =>
    request.frame?.kind === 'request' && request.frame.method === 'tools/call'
      ? { kind: 'events', status: 200, sessionId: null, events: nothing() }
      : script(request);
  const bridge = bridgeTo(server);
  await assert.rejects(call(bridge), { code: 'POSTERN_UPSTREAM_PROTOCOL' });
  await bridge.close();
});

async function* nothing(): AsyncGenerator<StreamEvent, void> {}

test('R-23 a server that asks forever is cut off and told', async () => {
  const server = statefulServer(() => false);
  const bridge = bridgeTo(server, { maxInputRounds: 3 });
  let { requestState } = await call(bridge);
  for (let round = 2; round <= 3; round += 1) {
    ({ requestState } = await call(bridge, { requestState, ...ANSWERS }));
  }
  await assert.rejects(call(bridge, { requestState, ...ANSWERS }), {
    code: 'POSTERN_BRIDGE_INPUT_MISSING',
  });
  await until('the server is told', () => server.count('notifications/cancelled') === 1);
  await bridge.close();
});

test('R-23 calls whose clients never come back are given up', async () => {
  const server = statefulServer();
  const bridge = bridgeTo(server, { heldCallTimeoutMs: 20 });
  const { requestState } = await call(bridge);
  await until('the server is told', () => server.count('notifications/cancelled') === 1);
  await assert.rejects(call(bridge, { requestState, ...ANSWERS }), INVALID);
  await bridge.close();
  assert.equal(server.sessions.size, 0);
});

test('R-23 thousands of calls that are never gone on with hold no more than their share', async () => {
  const server = statefulServer();
  const bridge = bridgeTo(server, { maxBridgedSessionsPerPrincipal: 4 });
  let last: JsonObject = {};
  for (let count = 0; count < 2000; count += 1) {
    last = await call(bridge);
    assert.ok(server.sessions.size <= 5);
  }
  // One that asks too much takes nothing from another.
  assert.equal((await call(bridge, {}, 'bob'))['resultType'], 'input_required');
  const { resultType } = await call(bridge, { requestState: last['requestState'], ...ANSWERS });
  assert.equal(resultType, 'complete');
  await bridge.close();
  assert.equal(server.sessions.size, 0);
});

test('R-23 a call whose client goes away is cancelled at the server', async () => {
  const server = statefulServer();
  const { script } = server;
  server.script = (request) => {
    const isCall = request.frame?.kind === 'request' && request.frame.method === 'tools/call';
    return isCall ? new Promise(() => undefined) : script(request);
  };
  const bridge = bridgeTo(server);
  const control = new AbortController();
  const { signal } = control;
  const called = bridge.exchange(exchangeOf(toolCall(1), STATELESS, { signal }));
  await until('the call has come', () => server.count('tools/call') === 1);
  control.abort();
  await assert.rejects(called, { code: 'POSTERN_CALL_CANCELLED' });
  await until('the server is told', () => server.count('notifications/cancelled') === 1);
  await bridge.close();
  assert.equal(server.sessions.size, 0);
});

test('R-23 a question on the stream of one call is never taken for that of another', async () => {
  const server = statefulServer();
  const { script } = server;
  const listed = Promise.withResolvers<void>();
  server.script = async (request) => {
    const { frame } = request;
    if (frame?.kind !== 'request') return script(request);
    // The list asks, which it may not in 2026-07-28; the call waits for it.
    if (frame.method === 'tools/list') {
      return script({ ...request, frame: requestFrame(frame.id, 'tools/call', {}) });
    }
    if (frame.method === 'tools/call') {
      await listed.promise;
      return json(resultFrame(frame.id, { content: [] }));
    }
    return script(request);
  };
  const bridge = bridgeTo(server);
  const called = call(bridge);
  await until('the call has come', () => server.count('tools/call') === 1);
  const list = requestFrame(2, 'tools/list', toolCall(2).params);
  const { answers } = await resultOf(await bridge.exchange(exchangeOf(list, STATELESS)));
  listed.resolve();
  assert.deepEqual([answers, (await called)['resultType']], [0, 'complete']);
  assert.equal(server.sessions.size, 1);
  await bridge.close();
});

test('R-23 what has no counterpart is refused, and malformed requests are', async () => {
  const bridge = bridgeTo(statefulServer());
  const { params } = toolCall(1);
  for (const method of ['tasks/get', 'ping', 'resources/subscribe', 'logging/setLevel']) {
    const request = exchangeOf(requestFrame(1, method, params), STATELESS);
    await assert.rejects(bridge.exchange(request), { code: 'POSTERN_BRIDGE_NOT_POSSIBLE' });
  }
  const unknown = await bridge.exchange(exchangeOf(requestFrame(2, 'x/y', params), STATELESS));
  assert.equal(unknown.status, 404);
  const bare = await bridge.exchange(exchangeOf(requestFrame(3, 'x/y', {}), STATELESS));
  assert.equal(bare.status, 400);
  await bridge.close();
});

test('R-23 discover tells what initialize told, and the record which revision was spoken', async () => {
  const bridge = bridgeTo(statefulServer());
  const told: string[] = [];
  const { params } = toolCall(1);
  const reply = await bridge.exchange(
    exchangeOf(requestFrame(1, 'server/discover', params), STATELESS, {
      onRevision: ({ name }) => told.push(name),
    }),
  );
  assert.deepEqual(await answerOf(reply), {
    jsonrpc: '2.0',
    id: 1,
    result: {
      supportedVersions: ['2026-07-28'],
      capabilities: { tools: {} },
      resultType: 'complete',
      _meta: { 'io.modelcontextprotocol/serverInfo': { name: 's', version: '1' } },
      ttlMs: 0,
      cacheScope: 'private',
    },
  });
  assert.deepEqual(told.at(-1), STATEFUL.name);
  await bridge.close();
});

test('R-23 a server that does not answer initialize in time is told of as such, not its client', async () => {
  const silent = statefulServer();
  silent.script = ({ signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(new CallCancelled('the client went away')));
    });
  const bridge = bridgeTo(silent, { sessionSetupTimeoutMs: 20 }, 'stateful');
  await assert.rejects(call(bridge), {
    code: 'POSTERN_UPSTREAM_TIMEOUT',
    message: '"scripted" did not answer initialize within 20 ms',
    details: { limit: 'session_setup_timeout_ms', max: 20 },
  });
  await bridge.close();
});
