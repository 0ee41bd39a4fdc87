import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from '#lib';
import type { JsonObject } from '#mcp';
import type { Upstream } from '#transport';
import { createStdioUpstream } from '#transport';
import { nodeProgram } from '../../test/support/node-program.ts';
import { until } from '../../test/support/until.ts';
import { bridgeTo, exchangeOf, resultOf, toolCall } from './fixtures/servers.ts';
import { STATELESS } from './meta.ts';

/** A bridge before a program that asks late. */
function lateAsker(t: TestContext): Upstream {
  const program = fileURLToPath(new URL('fixtures/late-asker.ts', import.meta.url));
  const upstream = createStdioUpstream({
    name: 'late-asker',
    ...nodeProgram(program),
    env: {},
    passEnv: [],
    cwd: null,
    limits: { ...DEFAULT_LIMITS, childStopGraceMs: 300 },
    events: () => undefined,
  });
  const bridge = bridgeTo(upstream, {}, 'stateful');
  t.after(() => bridge.close());
  return bridge;
}

async function call(bridge: Upstream, name: string, more: JsonObject = {}): Promise<JsonObject> {
  return resultOf(await bridge.exchange(exchangeOf(toolCall(1, { name, ...more }), STATELESS)));
}

/** Begins a call that is never answered, and leaves it. */
async function leave(bridge: Upstream, name: string): Promise<void> {
  const control = new AbortController();
  const { signal } = control;
  let sent = false;
  const onLink = (): void => void (sent = true);
  const left = bridge.exchange(exchangeOf(toolCall(1, { name }), STATELESS, { signal, onLink }));
  await until('the call is under way', () => sent);
  control.abort();
  await assert.rejects(left, { code: 'POSTERN_CALL_CANCELLED' });
}

const said = (result: JsonObject): JsonObject => result['structuredContent'] as JsonObject;

test('R-23 what a program asks for a cancelled call does not reach the next one', async (t) => {
  const bridge = lateAsker(t);
  await leave(bridge, 'hang');
  const told = said(await call(bridge, 'tell'));
  // The same process, with all that it keeps for its client.
  assert.deepEqual([told['refused'], told['calls']], [true, 2]);
  const asked = await call(bridge, 'ask');
  assert.match(JSON.stringify(asked['inputRequests']), /"now"/);
  const { requestState } = asked;
  const inputResponses = { input: { action: 'accept', content: {} } };
  const answered = said(await call(bridge, 'ask', { requestState, inputResponses }));
  assert.deepEqual([answered['heard'], answered['pid']], [inputResponses.input, told['pid']]);
});

test('R-23 a program that has not come to the end of a cancelled call gets no other', async (t) => {
  const bridge = lateAsker(t);
  await leave(bridge, 'mute');
  const asked = await call(bridge, 'ask');
  assert.match(JSON.stringify(asked['inputRequests']), /"now"/);
  assert.equal(bridge.stats().children, 2);
});
