import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DEFAULT_LIMITS } from '#lib';
import type { Frame, JsonObject } from '#mcp';
import type { Upstream } from '#transport';
import { createStdioUpstream } from '#transport';
import { nodeProgram } from '../../test/support/node-program.ts';
import { until } from '../../test/support/until.ts';
import { bridgeTo, exchangeOf, json, statefulServer, toolCall } from './fixtures/servers.ts';
import { framesOf, requestFrame, resultFrame } from './frames.ts';
import type { Era } from './eras.ts';
import { STATEFUL, STATELESS } from './meta.ts';

const LIMITS = { ...DEFAULT_LIMITS, childBackoffMinMs: 10, childStopGraceMs: 300 };
const TOOLS = 'notifications/tools/list_changed';

/** A bridge before a program that can crash, one process for all. */
function crasher(t: TestContext, era: Era): Upstream {
  const program = fileURLToPath(new URL('fixtures/crasher.ts', import.meta.url));
  const upstream = createStdioUpstream({
    name: 'crasher',
    ...nodeProgram(program, era),
    env: {},
    passEnv: [],
    cwd: null,
    instances: 'shared',
    limits: LIMITS,
    events: () => undefined,
  });
  const bridge = bridgeTo(upstream, LIMITS, era);
  t.after(() => bridge.close());
  return bridge;
}

/** What a stateless client hears on a subscription. */
async function listen(bridge: Upstream, notifications: JsonObject): Promise<AsyncGenerator<Frame>> {
  const frame = requestFrame(9, 'subscriptions/listen', toolCall(9, { notifications }).params);
  return framesOf(await bridge.exchange(exchangeOf(frame, STATELESS)), LIMITS);
}

async function next(frames: AsyncGenerator<Frame>): Promise<Frame> {
  const { value, done } = await frames.next();
  assert.ok(done !== true && value !== undefined);
  return value;
}

const methodOf = (frame: Frame): string => ('method' in frame ? frame.method : frame.kind);

test('R-23 a subscription at a program that dies fails, and can be made again', async (t) => {
  const bridge = crasher(t, 'stateful');
  const call = (name: string) => bridge.exchange(exchangeOf(toolCall(1, { name }), STATELESS));
  const heard = await listen(bridge, { toolsListChanged: true });
  assert.equal(methodOf(await next(heard)), 'notifications/subscriptions/acknowledged');
  await call('change');
  assert.equal(methodOf(await next(heard)), TOOLS);
  const failed = assert.rejects(
    async () => {
      while (methodOf(await next(heard)) === TOOLS);
    },
    { code: 'POSTERN_UPSTREAM_UNAVAILABLE' },
  );
  await assert.rejects(call('crash'), { code: 'POSTERN_UPSTREAM_UNAVAILABLE' });
  await failed;
  await until('it may be started again', async () => {
    const again = await listen(bridge, { toolsListChanged: true }).catch(() => null);
    return again !== null && methodOf(await next(again)).endsWith('acknowledged');
  });
});

test('R-23 a client of a session goes on hearing of changes when its program has died', async (t) => {
  const bridge = crasher(t, 'stateless');
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'c' } };
  const { sessionId } = await bridge.exchange(
    exchangeOf(requestFrame(0, 'initialize', params), STATEFUL),
  );
  const send = (frame: Frame | null) =>
    bridge.exchange(
      exchangeOf(frame, STATEFUL, { sessionId, httpMethod: frame === null ? 'GET' : 'POST' }),
    );
  const call = (name: string) => send(requestFrame(1, 'tools/call', { name }));
  const heard: string[] = [];
  void collect(framesOf(await send(null), LIMITS), heard);
  await until('it has subscribed', async () => {
    await call('change');
    return heard.length > 0;
  });
  await assert.rejects(call('crash'), { code: 'POSTERN_UPSTREAM_UNAVAILABLE' });
  const before = heard.length;
  // Whatever has changed meanwhile: the client is told to look.
  await until('it has subscribed again', () => heard.length > before);
  assert.deepEqual(new Set(heard), new Set([TOOLS]));
});

async function collect(frames: AsyncIterable<Frame>, methods: string[]): Promise<void> {
  for await (const frame of frames) methods.push(methodOf(frame));
}

test('R-23 changes that a server has no stream to tell of are not promised', async () => {
  const server = statefulServer();
  const { script } = server;
  server.script = async (request) => {
    const reply = await script(request);
    const { frame } = request;
    if (frame?.kind !== 'request' || frame.method !== 'initialize') return reply;
    const capabilities = { tools: { listChanged: true }, resources: { subscribe: true } };
    const result = { protocolVersion: '2025-11-25', capabilities };
    return { ...json(resultFrame(frame.id, result)), sessionId: reply.sessionId };
  };
  const bridge = bridgeTo(server);
  const wanted = { toolsListChanged: true, resourceSubscriptions: ['x:y'] };
  const heard = await listen(bridge, wanted);
  const acknowledged = await next(heard);
  assert.ok(acknowledged.kind === 'notification');
  // Lists are told of amid calls, too.
  assert.deepEqual(acknowledged.params['notifications'], { toolsListChanged: true });
  assert.equal(server.count('resources/subscribe'), 0);
  await bridge.close();
});

test('R-23 subscriptions of a principal are bounded, apart from its calls', async () => {
  const bridge = bridgeTo(statefulServer(), { maxBridgedSessionsPerPrincipal: 1 });
  const heard = await listen(bridge, {});
  assert.equal(methodOf(await next(heard)), 'notifications/subscriptions/acknowledged');
  await assert.rejects(listen(bridge, {}), { code: 'POSTERN_UPSTREAM_OVERLOADED' });
  const asked = await bridge.exchange(exchangeOf(toolCall(1), STATELESS));
  assert.equal(methodOf(await next(framesOf(asked, LIMITS))), 'response');
  await bridge.close();
  // A gateway that stops has the subscription end in order.
  assert.equal(methodOf(await next(heard)), 'response');
});
