import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from '#lib';
import type { Frame, JsonObject } from '#mcp';
import { isObject, jsonLimitsOf, readFrame } from '#mcp';
import type { StreamEvent, Upstream, UpstreamReply } from '#transport';
import { until } from '../../test/support/until.ts';
import {
  answerOf,
  bridgeTo,
  exchangeOf,
  json,
  resultOf,
  statefulServer,
  statelessServer,
  toolCall,
} from './fixtures/servers.ts';
import { errorAnswer, framesOf, notificationFrame, requestFrame, resultFrame } from './frames.ts';
import { STATEFUL, STATELESS } from './meta.ts';
import { eventOf } from './reply.ts';

const ELICIT = { method: 'elicitation/create', params: { message: 'Name?', mode: 'form' } };

/** A session of a client with these capabilities. */
async function opened(bridge: Upstream, capabilities: JsonObject): Promise<string> {
  const params = {
    protocolVersion: '2025-06-18',
    capabilities,
    clientInfo: { name: 'c', version: '1' },
  };
  const reply = await bridge.exchange(exchangeOf(requestFrame(0, 'initialize', params), STATEFUL));
  assert.equal((await resultOf(reply))['protocolVersion'], '2025-06-18');
  assert.match(reply.sessionId ?? '', /^postern-bridge-[\w-]{43}$/);
  return reply.sessionId ?? '';
}

function send(
  bridge: Upstream,
  sessionId: string,
  frame: Frame,
  more: object = {},
): Promise<UpstreamReply> {
  return bridge.exchange(exchangeOf(frame, STATEFUL, { sessionId, ...more }));
}

const call = (params: JsonObject = {}): Frame =>
  requestFrame(1, 'tools/call', { name: 'ask', ...params });

/** Answers every request in a reply with the same result; the answer to the call. */
async function answering(
  bridge: Upstream,
  sessionId: string,
  result: JsonObject,
): Promise<{ answer: JsonObject; asked: readonly Frame[] }> {
  const asked: Frame[] = [];
  for await (const frame of framesOf(await send(bridge, sessionId, call()), DEFAULT_LIMITS)) {
    if (frame.kind === 'request') {
      asked.push(frame);
      await send(bridge, sessionId, resultFrame(frame.id, result));
    } else if (frame.kind === 'response') {
      return { answer: JSON.parse(frame.bytes.toString('utf8')) as JsonObject, asked };
    }
  }
  throw new Error('no answer');
}

test('R-23 required input becomes requests of the server; the state comes back as it was', async () => {
  const requestState = 'opaque "state" \u2028 é';
  const server = statelessServer(({ inputResponses, requestState: state }) =>
    isObject(inputResponses)
      ? { content: [], inputResponses, state, resultType: 'complete' }
      : { resultType: 'input_required', inputRequests: { a: ELICIT, b: ELICIT }, requestState },
  );
  const bridge = bridgeTo(server);
  const session = await opened(bridge, { elicitation: {} });
  const { answer, asked } = await answering(bridge, session, { action: 'decline' });
  assert.deepEqual(answer['result'], {
    content: [],
    inputResponses: { a: { action: 'decline' }, b: { action: 'decline' } },
    state: requestState,
  });
  // 2025-06-18 knows no modes of elicitation.
  assert.deepEqual(
    asked.map((frame) => 'params' in frame && frame.params),
    [{ message: 'Name?' }, { message: 'Name?' }],
  );
  await bridge.close();
});

test('R-23 a server that asks forever, or for too much at a time, is cut off', async () => {
  const forever = bridgeTo(
    statelessServer(() => ({ resultType: 'input_required', inputRequests: { a: ELICIT } })),
    { maxInputRounds: 3 },
  );
  const session = await opened(forever, { elicitation: {} });
  await assert.rejects(answering(forever, session, { action: 'decline' }), {
    code: 'POSTERN_BRIDGE_INPUT_MISSING',
  });
  await forever.close();

  const inputRequests = Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((key) => [key, ELICIT]));
  const greedy = bridgeTo(
    statelessServer(() => ({ resultType: 'input_required', inputRequests })),
    { maxInputRequests: 4 },
  );
  const other = await opened(greedy, { elicitation: {} });
  await assert.rejects(send(greedy, other, call()), { code: 'POSTERN_BRIDGE_INPUT_MISSING' });
  await greedy.close();
});

test('R-23 a client is asked only for what it offers, and not forever', async () => {
  const bridge = bridgeTo(
    statelessServer(() => ({ resultType: 'input_required', inputRequests: { a: ELICIT } })),
    { clientInputTimeoutMs: 20 },
  );
  const without = await opened(bridge, { sampling: {} });
  await assert.rejects(send(bridge, without, call()), { code: 'POSTERN_BRIDGE_INPUT_REFUSED' });
  const silent = await opened(bridge, { elicitation: {} });
  await assert.rejects(answerOf(await send(bridge, silent, call())), {
    code: 'POSTERN_BRIDGE_INPUT_MISSING',
  });
  await assert.rejects(send(bridge, silent, resultFrame('postern-1', {})), {
    code: 'POSTERN_RESPONSE_UNEXPECTED',
  });
  await bridge.close();
});

test('R-23 a session serves its principal alone, until it is ended', async () => {
  const server = statelessServer();
  const bridge = bridgeTo(server);
  const session = await opened(bridge, {});
  assert.equal(bridge.stats().sessions, 1);
  const stolen = send(bridge, session, call(), { principal: 'mallory' });
  await assert.rejects(stolen, { code: 'POSTERN_SESSION_NOT_FOUND' });
  assert.deepEqual(await resultOf(await send(bridge, session, requestFrame(2, 'ping', {}))), {});
  const stream = await bridge.exchange(
    exchangeOf(null, STATEFUL, { httpMethod: 'GET', sessionId: session }),
  );
  const heard = Array.fromAsync(framesOf(stream, DEFAULT_LIMITS));
  await bridge.exchange(exchangeOf(null, STATEFUL, { httpMethod: 'DELETE', sessionId: session }));
  assert.deepEqual(await heard, []);
  assert.equal(bridge.stats().sessions, 0);
  const before = server.seen.length;
  for (const over of [session, `${session.slice(0, -8)}elsewher`]) {
    await assert.rejects(send(bridge, over, call()), { code: 'POSTERN_SESSION_NOT_FOUND' });
  }
  assert.equal(server.seen.length, before, 'the server never knew the session');
  await bridge.close();
});

test('R-23 sessions are bounded for each principal; the idle make room', async () => {
  const bridge = bridgeTo(statelessServer(), { maxSessionsPerPrincipal: 3 });
  for (let count = 0; count < 20; count += 1) await opened(bridge, {});
  assert.equal(bridge.stats().sessions, 3);
  await bridge.close();
  assert.equal(bridge.stats().sessions, 0);
});

test('R-23 sessions that nobody uses end by themselves, on either side', async () => {
  const limits = { sessionSetupTimeoutMs: 20, bridgedSessionIdleMs: 20 };
  const bridge = bridgeTo(statelessServer(), limits);
  await opened(bridge, {});
  const old = statefulServer(() => true);
  const other = bridgeTo(old, limits);
  await other.exchange(exchangeOf(toolCall(1), STATELESS));
  assert.deepEqual([bridge.stats().sessions, old.sessions.size], [1, 1]);
  await until('they have ended', () => bridge.stats().sessions + old.sessions.size === 0);
  await Promise.all([bridge.close(), other.close()]);
});

test('R-23 changes are subscribed to anew when the server ends the subscription', async () => {
  const server = statelessServer();
  const { script } = server;
  server.script = (request) => {
    const { frame, revision } = request;
    if (frame?.kind !== 'request' || revision.era === 'stateful') return script(request);
    if (frame.method === 'server/discover') {
      const capabilities = { tools: { listChanged: true } };
      return json(resultFrame(frame.id, { supportedVersions: ['2026-07-28'], capabilities }));
    }
    return { kind: 'events', status: 200, sessionId: null, events: changes() };
  };
  const bridge = bridgeTo(server);
  const sessionId = await opened(bridge, {});
  const get = exchangeOf(null, STATEFUL, { httpMethod: 'GET', sessionId });
  const heard = framesOf(await bridge.exchange(get), DEFAULT_LIMITS);
  for (let count = 0; count < 2; count += 1) {
    const { value } = await heard.next();
    assert.deepEqual(value && JSON.parse(value.bytes.toString('utf8')), {
      jsonrpc: '2.0',
      method: 'notifications/tools/list_changed',
      params: {},
    });
  }
  await bridge.close();
});

async function* changes(): AsyncGenerator<StreamEvent, void> {
  const params = { _meta: { 'io.modelcontextprotocol/subscriptionId': 'x' } };
  yield eventOf(notificationFrame('notifications/subscriptions/acknowledged', params).bytes);
  yield eventOf(notificationFrame('notifications/tools/list_changed', params).bytes);
}

test('R-23 a subscription that the server refuses does not end those of before', async () => {
  const server = statelessServer();
  const { script } = server;
  let listening: unknown = null;
  server.script = (request) => {
    const { frame, signal } = request;
    if (frame?.kind !== 'request' || frame.method !== 'subscriptions/listen') {
      return script(request);
    }
    const { notifications } = frame.params;
    const uris = isObject(notifications) ? notifications['resourceSubscriptions'] : [];
    if (Array.isArray(uris) && uris.includes('x:bad')) {
      return json(errorAnswer(frame.id, { code: -32_602, message: 'no such resource' }));
    }
    listening = notifications;
    signal.addEventListener('abort', () => {
      if (listening === notifications) listening = null;
    });
    return { kind: 'events', status: 200, sessionId: null, events: agreed(notifications, signal) };
  };
  const bridge = bridgeTo(server);
  const session = await opened(bridge, {});
  const subscribe = async (uri: string): Promise<JsonObject> =>
    answerOf(await send(bridge, session, requestFrame(2, 'resources/subscribe', { uri })));
  assert.deepEqual((await subscribe('x:good'))['result'], {});
  assert.ok('error' in (await subscribe('x:bad')));
  assert.deepEqual(listening, { resourceSubscriptions: ['x:good'] });
  await bridge.close();
});

async function* agreed(
  notifications: unknown,
  signal: AbortSignal,
): AsyncGenerator<StreamEvent, void> {
  const method = 'notifications/subscriptions/acknowledged';
  yield eventOf(notificationFrame(method, { notifications }).bytes);
  const { promise, resolve } = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => resolve(), { once: true });
  await promise;
}

test('R-23 a call whose server ends its reply without an answer has failed', async () => {
  const server = statelessServer();
  const { script } = server;
  server.script = (request) =>
    request.frame?.kind === 'request' && request.frame.method === 'tools/call'
      ? { kind: 'events', status: 200, sessionId: null, events: nothing() }
      : script(request);
  const bridge = bridgeTo(server);
  const session = await opened(bridge, {});
  await assert.rejects(send(bridge, session, call()), { code: 'POSTERN_UPSTREAM_PROTOCOL' });
  await bridge.close();
});

async function* nothing(): AsyncGenerator<StreamEvent, void> {}

test('R-23 an introduction that a session would have to keep is bounded', async () => {
  const bridge = bridgeTo(statelessServer());
  const clientInfo = { name: 'c'.repeat(65_536), version: '1' };
  const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo };
  const frame = requestFrame(0, 'initialize', params);
  const { error } = await answerOf(await bridge.exchange(exchangeOf(frame, STATEFUL)));
  assert.equal((error as JsonObject)['code'], -32_602);
  assert.equal(bridge.stats().sessions, 0);
  await bridge.close();
});

test('R-23 a session refuses what there is not, what is too much, and what is another process’s', async () => {
  const bridge = bridgeTo(statelessServer(), { maxInFlightPerSession: 1 });
  const session = await opened(bridge, {});
  const refusalOf = async (method: string, params: JsonObject): Promise<unknown> => {
    const answer = await answerOf(await send(bridge, session, requestFrame(3, method, params)));
    return (answer['error'] as JsonObject | undefined)?.['code'];
  };
  assert.equal(await refusalOf('initialize', {}), -32_600);
  assert.equal(await refusalOf('logging/setLevel', { level: 'loud' }), -32_602);
  assert.equal(await refusalOf('logging/setLevel', { level: 'debug' }), undefined);
  const ping = requestFrame(4, 'ping', {});
  assert.deepEqual((await answerOf(await send(bridge, session, ping)))['result'], {});
  const restarted = bridgeTo(statelessServer());
  await assert.rejects(send(restarted, session, ping), { code: 'POSTERN_SESSION_NOT_FOUND' });
  await Promise.all([bridge.close(), restarted.close()]);
});

test('R-23 a cancelled call is aborted at the server and gets no answer', async () => {
  const server = statelessServer();
  const { script } = server;
  let aborted = false;
  server.script = (request) => {
    if (request.frame?.kind !== 'request' || request.frame.method !== 'tools/call') {
      return script(request);
    }
    return new Promise((_, reject) => {
      request.signal.addEventListener('abort', () => {
        aborted = true;
        reject(new Error('aborted'));
      });
    });
  };
  const bridge = bridgeTo(server);
  const session = await opened(bridge, {});
  const reply = send(bridge, session, call());
  await until('the call has come', () => server.count('tools/call') === 1);
  await send(bridge, session, notificationFrame('notifications/cancelled', { requestId: 1 }));
  assert.deepEqual(await Array.fromAsync(framesOf(await reply, DEFAULT_LIMITS)), []);
  assert.ok(aborted);
  await bridge.close();
});

test('R-23 numbers that JavaScript would round pass as they are written', async () => {
  const server = statelessServer();
  const { script } = server;
  server.script = (request) => {
    const { frame } = request;
    if (frame?.kind !== 'request' || frame.method !== 'tools/call') return script(request);
    const id = JSON.stringify(frame.id);
    const text = `{"jsonrpc":"2.0","id":${id},"result":{"content":[],"structuredContent":{"n":98765432109876543210,"x":1e400}}}`;
    return { kind: 'json', status: 200, sessionId: null, frame: read(text) };
  };
  const bridge = bridgeTo(server);
  const session = await opened(bridge, {});
  const asked = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"n":12345678901234567890,"f":0.1}}}`;
  const reply = await send(bridge, session, read(asked));
  const sent = server.seen.at(-1)?.bytes.toString('utf8') ?? '';
  assert.ok(sent.includes('"arguments":{"n":12345678901234567890,"f":0.1}'), sent);
  assert.equal(reply.kind, 'json');
  const answered = reply.kind === 'json' ? reply.frame.bytes.toString('utf8') : '';
  assert.ok(answered.includes('{"n":98765432109876543210,"x":1e400}'), answered);
  await bridge.close();
});

test('R-23 tasks are refused, and without a task the call is a plain one', async () => {
  const server = statelessServer();
  const bridge = bridgeTo(server);
  const session = await opened(bridge, {});
  await assert.rejects(send(bridge, session, requestFrame(2, 'tasks/list', {})), {
    code: 'POSTERN_BRIDGE_NOT_POSSIBLE',
  });
  await send(bridge, session, call({ task: { ttl: 1 } }));
  assert.doesNotMatch(String(server.seen.at(-1)?.bytes), /"task"/);
  await bridge.close();
});

function read(text: string): Frame {
  return readFrame(Buffer.from(text), jsonLimitsOf(DEFAULT_LIMITS, 1e6));
}
