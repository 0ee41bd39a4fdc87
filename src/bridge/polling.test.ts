import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from '#lib';
import type { Frame, JsonObject } from '#mcp';
import type { Upstream, UpstreamReply } from '#transport';
import type { StatefulHttp } from '../../test/fixtures/stateful-http.ts';
import { startStatefulHttp } from '../../test/fixtures/stateful-http.ts';
import { newHold } from '../../test/fixtures/stateful-server.ts';
import { upstreamFor } from '../../test/support/http-upstream.ts';
import { until } from '../../test/support/until.ts';
import { bridgeTo, exchangeOf, toolCall } from './fixtures/servers.ts';
import { framesOf, requestFrame } from './frames.ts';
import { addMeta, STATELESS } from './meta.ts';

/** A call of a stateless client, which wants progress. */
function ask(bridge: Upstream, method: string, params: JsonObject): Promise<UpstreamReply> {
  const { params: introduced } = toolCall(1, params);
  const frame = requestFrame(1, method, addMeta(introduced, 'progressToken', 'p'));
  return bridge.exchange(exchangeOf(frame, STATELESS));
}

function bridgeBefore(t: TestContext, server: StatefulHttp): Upstream {
  const bridge = bridgeTo(upstreamFor(t, server.url).upstream, {}, 'stateful');
  t.after(async () => {
    await bridge.close();
    await server.close();
  });
  return bridge;
}

const TOOLS = 'notifications/tools/list_changed';

const comings = ({ seen }: StatefulHttp): number =>
  seen.filter(({ headers }) => headers['last-event-id'] !== undefined).length;

const methodOf = (frame: Frame | undefined): string | undefined =>
  frame?.kind === 'notification' ? frame.method : frame?.kind;

test('R-23 a server that lets its clients poll for the answer is polled', async (t) => {
  const server = await startStatefulHttp();
  const bridge = bridgeBefore(t, server);
  const reply = await ask(bridge, 'tools/call', { name: 'poll' });
  const said = await Array.fromAsync(framesOf(reply, DEFAULT_LIMITS));
  // Nothing is lost, nothing is told twice.
  const progress = said.map((frame) => frame.kind === 'notification' && frame.params['progress']);
  assert.deepEqual(progress, [1, 2, false]);
  assert.match(String(said[2]?.bytes), /polled/);
  assert.equal(comings(server), 1);

  const listening = framesOf(
    await ask(bridge, 'subscriptions/listen', { notifications: { toolsListChanged: true } }),
    DEFAULT_LIMITS,
  );
  const heard = async (): Promise<string | undefined> =>
    methodOf((await listening.next()).value ?? undefined);
  assert.equal(await heard(), 'notifications/subscriptions/acknowledged');
  // The session of the subscription and that of the call each tell of it.
  server.change();
  assert.deepEqual([await heard(), await heard()], [TOOLS, TOOLS]);
  // From here on there is an event to come back after, in both.
  server.hangUp();
  await until('both are back', () => comings(server) === 3);
  server.change();
  assert.deepEqual([await heard(), await heard()], [TOOLS, TOOLS]);
  // One that the server has lost ends, and the client is told.
  await server.forget();
  await assert.rejects(heard(), { code: 'POSTERN_UPSTREAM_UNAVAILABLE' });
});

test('R-23 a call whose session its server has lost fails, and is not made again', async (t) => {
  const server = await startStatefulHttp({ hold: newHold() });
  const bridge = bridgeBefore(t, server);
  const reply = await ask(bridge, 'tools/call', { name: 'resume' });
  const said = framesOf(reply, DEFAULT_LIMITS);
  assert.equal(methodOf((await said.next()).value ?? undefined), 'notifications/progress');
  await server.forget();
  await assert.rejects(said.next(), { code: 'POSTERN_UPSTREAM_UNAVAILABLE' });
  assert.equal(comings(server), 1);
  assert.deepEqual(server.sessions(), []);
});
