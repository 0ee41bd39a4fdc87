import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from '#lib';
import { post, upstreamFor } from '../../../test/support/http-upstream.ts';
import { startReplicas, statusAnswer, wellAnswer } from '../../../test/support/replicas.ts';
import { until } from '../../../test/support/until.ts';

const TIMEOUT = { timeout: 20_000 };
const LIMITS = { ...DEFAULT_LIMITS, upstreamMaxFailures: 2 };

test('R-23 checks find out what is down and what is back, without a call', TIMEOUT, async (t) => {
  const [a, b] = await startReplicas(t, 'a', 'b');
  const { upstream, events } = upstreamFor(t, [a.url, b.url], {
    limits: LIMITS,
    health: { intervalMs: 20, path: '/well?x=1' },
    headers: { authorization: 'Bearer secret' },
  });
  const states = () => upstream.stats().endpoints?.map(({ state }) => state);
  await until('both were looked at', () => a.seen.length > 2 && b.seen.length > 2);
  const { url, method, headers } = a.seen[0] ?? assert.fail();
  assert.deepEqual([url, method, headers.authorization], ['/well?x=1', 'GET', undefined]);
  assert.deepEqual(states(), ['up', 'up']);
  assert.deepEqual(events, []);

  a.behave(statusAnswer(500));
  await until('the sick one is down', () => states()?.[0] === 'down');
  const looks = a.seen.length;
  for (let call = 0; call < 5; call += 1) await upstream.exchange(post());
  assert.ok(a.seen.slice(looks).every((request) => request.method === 'GET'));
  a.behave(wellAnswer);
  await until('it is used again', () => states()?.[0] === 'up');

  await b.stop();
  await until('the other is down', () => states()?.[1] === 'down');
  await b.start();
  await until('it is back', () => states()?.[1] === 'up');
  const names = events.map(({ name }) => name).filter((name) => name !== 'upstream.connected');
  const change = ['upstream.endpoint_down', 'upstream.endpoint_up'];
  assert.deepEqual(names, [...change, ...change]);
});

test('R-23 a connection is check enough, and a server that hangs is none', TIMEOUT, async (t) => {
  const [a, b] = await startReplicas(t, 'a', 'b');
  b.behave(() => undefined);
  const limits = { ...LIMITS, upstreamConnectTimeoutMs: 100 };
  const silent = upstreamFor(t, b.url, { limits, health: { intervalMs: 20, path: '/' } });
  const { upstream } = upstreamFor(t, a.url, { limits, health: { intervalMs: 20, path: null } });
  await until('the hanging one is down', () => {
    return silent.upstream.stats().endpoints?.[0]?.state === 'down';
  });
  assert.match(silent.events[0]?.message ?? '', /no answer within 100 ms/);
  await a.stop();
  const state = () => upstream.stats().endpoints?.[0]?.state;
  await until('the stopped one is down', () => state() === 'down');
  await assert.rejects(upstream.exchange(post()), { code: 'POSTERN_UPSTREAM_UNAVAILABLE' });
  await a.start();
  await until('it is back', () => state() === 'up');
  await upstream.exchange(post());
  assert.equal(a.seen.length, 1);
});

test('R-10 R-23 closing does not wait for a check', TIMEOUT, async (t) => {
  const [a] = await startReplicas(t, 'a');
  a.behave(() => undefined);
  const limits = { ...LIMITS, upstreamConnectTimeoutMs: 300_000 };
  const health = { intervalMs: 10, path: '/' };
  const { upstream, events } = upstreamFor(t, a.url, { limits, health });
  await until('it is looked at', () => a.seen.length === 1);
  await upstream.close();
  assert.deepEqual(events, []);
});
