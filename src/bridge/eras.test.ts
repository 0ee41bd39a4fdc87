import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from '#lib';
import type { UpstreamReply } from '#transport';
import { UpstreamOverloaded, UpstreamProtocolError } from '#transport';
import { until } from '../../test/support/until.ts';
import { eraShownBy, isRefusal } from './eras.ts';
import {
  bridgeTo,
  exchangeOf,
  json,
  resultOf,
  statefulServer,
  statelessServer,
  toolCall,
} from './fixtures/servers.ts';
import { errorAnswer, requestFrame, resultFrame } from './frames.ts';
import { STATEFUL, STATELESS } from './meta.ts';

const error = (code: number, data?: unknown): UpstreamReply =>
  json(errorAnswer(1, { code, message: '', data }), 400);

test('R-23 what an answer to discover shows', async () => {
  const supports = (...supportedVersions: readonly string[]): UpstreamReply =>
    json(resultFrame(1, { supportedVersions }));
  const shown: readonly (readonly [UpstreamReply, string])[] = [
    [supports('2026-07-28'), 'stateless'],
    [supports('2025-11-25', '2026-07-28'), 'stateless'],
    [supports('2025-11-25'), 'stateful'],
    [json(resultFrame(1, {})), 'stateful'],
    [error(-32_601), 'stateful'],
    [error(-32_602), 'stateful'],
    [error(-32_000), 'stateful'],
    [error(-32_020), 'stateless'],
    [error(-32_021), 'stateless'],
    [error(-32_022, { supported: ['2027-01-01'] }), 'stateless'],
    [error(-32_022, { supported: ['2025-11-25'] }), 'stateful'],
    [{ kind: 'empty', status: 404, sessionId: null }, 'stateful'],
  ];
  for (const [reply, era] of shown) assert.equal(await eraShownBy(reply, DEFAULT_LIMITS), era);
  await assert.rejects(
    eraShownBy({ kind: 'empty', status: 502, sessionId: null }, DEFAULT_LIMITS),
    { code: 'POSTERN_UPSTREAM_UNAVAILABLE' },
  );
  assert.ok(isRefusal(new UpstreamProtocolError('', { details: { status: 405 } })));
  assert.ok(!isRefusal(new UpstreamProtocolError('', { details: { status: 500 } })));
});

test('R-23 many clients at once wait for one probe', async () => {
  const server = statelessServer();
  const bridge = bridgeTo(server);
  const calls = Array.from({ length: 20 }, async (_, id) =>
    bridge.exchange(exchangeOf(toolCall(id), STATELESS)),
  );
  await Promise.all(calls);
  assert.equal(server.count('server/discover'), 1);
  assert.equal(server.count('tools/call'), 20);
  await bridge.close();
});

test('R-23 a probe that fails for one principal is made again for another', async () => {
  const server = statelessServer();
  const { script } = server;
  const refuse = Promise.withResolvers<never>();
  server.script = (request) => (request.principal === 'mallory' ? refuse.promise : script(request));
  const bridge = bridgeTo(server);
  const ask = (principal: string): Promise<UpstreamReply> =>
    bridge.exchange(exchangeOf(toolCall(1), STATELESS, { principal }));
  const hers = ask('mallory');
  const his = Promise.all([ask('alice'), ask('alice')]);
  refuse.reject(new UpstreamOverloaded('all of her places are taken'));
  await assert.rejects(hers, { code: 'POSTERN_UPSTREAM_OVERLOADED' });
  assert.deepEqual(
    (await his).map(({ status }) => status),
    [200, 200],
  );
  await bridge.close();
});

test('R-23 traffic within one era passes untouched', async () => {
  const server = statelessServer();
  const bridge = bridgeTo(server);
  const call = toolCall('mine');
  await bridge.exchange(exchangeOf(call, STATELESS));
  assert.equal(server.seen.at(-1), call);
  server.script = statefulServer().script;
  const initialize = requestFrame(1, 'initialize', {});
  await bridge.exchange(exchangeOf(initialize, STATEFUL));
  assert.equal(server.seen.at(-1), initialize);
  assert.equal(server.count('server/discover'), 1);
  await bridge.close();
});

test('R-23 a server that was replaced by one of the other era is noticed, both ways', async () => {
  const server = statelessServer();
  const bridge = bridgeTo(server);
  const resultType = async (): Promise<unknown> => {
    const reply = await bridge.exchange(exchangeOf(toolCall(1), STATELESS)).catch(() => null);
    return reply?.status === 200 ? (await resultOf(reply))['resultType'] : null;
  };
  assert.equal(await resultType(), undefined);
  server.script = (request) => {
    // What servers of the stateful era answer to a request without a session.
    const { frame, revision } = request;
    if (revision.era === 'stateful') return old.script(request);
    return frame?.kind === 'request' && frame.method === 'server/discover'
      ? error(-32_601)
      : error(-32_000);
  };
  const old = statefulServer();
  await until('the older server is noticed', async () => (await resultType()) === 'input_required');
  server.script = statelessServer().script;
  await until('the newer server is noticed', async () => (await resultType()) === undefined);
  await bridge.close();
});

test('R-23 a refusal by a server that is still the same is not sent for again', async () => {
  const server = statelessServer();
  const bridge = bridgeTo(server);
  await bridge.exchange(exchangeOf(toolCall(1), STATELESS));
  const { script } = server;
  server.script = (request) => {
    const isCall = request.frame?.kind === 'request' && request.frame.method === 'tools/call';
    return isCall ? error(-32_000) : script(request);
  };
  await until('the server was asked again', async () => {
    const before = server.count('tools/call');
    assert.equal((await bridge.exchange(exchangeOf(toolCall(2), STATELESS))).status, 400);
    assert.equal(server.count('tools/call'), before + 1);
    return server.count('server/discover') === 2;
  });
  await bridge.close();
});
