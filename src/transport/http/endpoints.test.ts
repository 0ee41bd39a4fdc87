import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from '#lib';
import { ANSWER, bare, post, upstreamFor } from '../../../test/support/http-upstream.ts';
import {
  lostAnswer,
  startReplicas,
  statusAnswer,
  wellAnswer,
} from '../../../test/support/replicas.ts';
import { until } from '../../../test/support/until.ts';
import type { HttpUpstream } from './upstream.ts';

const TIMEOUT = { timeout: 20_000 };
const JSON_TYPE = { 'content-type': 'application/json' };
const INITIALIZE = { id: 0, method: 'initialize', params: { protocolVersion: '2025-11-25' } };
const QUICK = { ...DEFAULT_LIMITS, upstreamBackoffMinMs: 20, upstreamBackoffMaxMs: 40 };
/** A pause that is not over before the test is. */
const SLOW = { ...DEFAULT_LIMITS, upstreamBackoffMinMs: 60_000, upstreamBackoffMaxMs: 60_000 };

function statesOf(upstream: HttpUpstream): readonly string[] {
  return upstream.stats().endpoints?.map(({ state }) => state) ?? [];
}

test('R-23 calls go to the endpoint with the least to do, equals in turn', TIMEOUT, async (t) => {
  const replicas = await startReplicas(t, 'a', 'b', 'c');
  const held: ServerResponse[] = [];
  for (const replica of replicas) replica.behave((_request, response) => held.push(response));
  const [a, b, c] = replicas;
  const { upstream } = upstreamFor(t, [a.url, b.url, c.url]);
  const calls = Array.from({ length: 6 }, () => upstream.exchange(post()));
  await until('all have arrived', () => held.length === 6);
  assert.deepEqual([a.seen.length, b.seen.length, c.seen.length], [2, 2, 2]);
  assert.deepEqual(
    upstream.stats().endpoints?.map((one) => one.in_flight),
    [2, 2, 2],
  );
  for (const response of held.splice(0)) response.writeHead(200, JSON_TYPE).end(ANSWER);
  await Promise.all(calls);
  for (const replica of replicas) replica.behave(wellAnswer);
  for (let call = 0; call < 6; call += 1) await upstream.exchange(post());
  assert.deepEqual([a.seen.length, b.seen.length, c.seen.length], [4, 4, 4]);
  assert.equal(a.seen[0]?.url, '/a');
});

test('R-23 with an endpoint gone no call is lost, and it is used again', TIMEOUT, async (t) => {
  const [a, b] = await startReplicas(t, 'a', 'b');
  const { upstream, events } = upstreamFor(t, [a.url, b.url], { limits: QUICK });
  const failures = (): number =>
    events.filter(({ name }) => name === 'upstream.connect_failed').length;
  const count = (wanted: string): number => events.filter(({ name }) => name === wanted).length;
  await Promise.all(Array.from({ length: 8 }, () => upstream.exchange(post())));
  const open = upstream.stats().connections;
  await a.stop();
  // What is sent just as a connection ends is lost for good, as anywhere.
  await until('its connections are gone', () => upstream.stats().connections === open / 2);
  const arrived = b.seen.length;
  for (let round = 0; round < 10; round += 1) {
    await Promise.all(Array.from({ length: 10 }, () => upstream.exchange(post())));
  }
  assert.equal(b.seen.length - arrived, 100);
  assert.equal(count('upstream.endpoint_down'), 1);
  assert.ok(failures() < 50, `${failures()}`);
  assert.notEqual(statesOf(upstream)[0], 'up');
  await a.start();
  const before = a.seen.length;
  await until('the endpoint is used again', async () => {
    await upstream.exchange(post());
    return a.seen.length > before;
  });
  assert.deepEqual(statesOf(upstream), ['up', 'up']);
  assert.equal(count('upstream.endpoint_up'), 1);
});

test('R-23 while no endpoint is left calls are refused at once', TIMEOUT, async (t) => {
  const [a, b] = await startReplicas(t, 'a', 'b');
  const { upstream } = upstreamFor(t, [a.url, b.url], { limits: SLOW });
  a.behave(lostAnswer);
  b.behave(statusAnswer(502));
  // What a call may have done is not done again, so each of these fails or tells the status.
  for (let call = 0; call < 10; call += 1) await upstream.exchange(post()).catch(() => undefined);
  assert.deepEqual(statesOf(upstream), ['down', 'down']);
  assert.equal(a.seen.length + b.seen.length, 10);
  const seconds = await upstream.exchange(post()).then(
    () => 0,
    (error: { code: string; message: string; details: Record<string, number> }) => {
      assert.equal(error.code, 'POSTERN_UPSTREAM_UNAVAILABLE');
      assert.match(error.message, /ended before.*; .*answers with 502; it is tried again in \d/);
      return error.details['retry_after_seconds'] ?? 0;
    },
  );
  assert.ok(seconds > 20 && seconds <= 60, `${seconds}`);
  assert.equal(a.seen.length + b.seen.length, 10);
  // Other certificates or another policy may be what was missing.
  upstream.recycle();
  b.behave(wellAnswer);
  await upstream.exchange(post()).catch(() => upstream.exchange(post()));
  assert.equal(statesOf(upstream)[1], 'up');
});

test('R-23 failures of tools and refusals are none of the endpoint', TIMEOUT, async (t) => {
  const [a] = await startReplicas(t, 'a');
  const { upstream } = upstreamFor(t, a.url, { limits: { ...SLOW, upstreamMaxFailures: 1 } });
  const answers = [
    statusAnswer(400),
    statusAnswer(401),
    statusAnswer(404),
    statusAnswer(429, { 'retry-after': '60' }),
    statusAnswer(500),
    statusAnswer(200, { 'content-type': 'text/html' }),
    statusAnswer(307, { location: '/other' }),
  ];
  for (const answer of answers) {
    a.behave(answer);
    await upstream.exchange(post()).catch(() => undefined);
    assert.deepEqual(statesOf(upstream), ['up']);
  }
  a.behave(statusAnswer(504));
  await upstream.exchange(post());
  assert.deepEqual(statesOf(upstream), ['down']);
});

test('R-23 a server that asks to be left alone is left alone', TIMEOUT, async (t) => {
  const [a, b] = await startReplicas(t, 'a', 'b');
  const { upstream } = upstreamFor(t, [a.url, b.url], {
    limits: { ...QUICK, upstreamBackoffMaxMs: 60_000 },
  });
  a.behave(statusAnswer(503, { 'retry-after': '3600' }));
  for (let call = 0; call < 20; call += 1) await upstream.exchange(post());
  assert.equal(a.seen.length, 1);
  assert.equal(b.seen.length, 19);
});

test('R-23 a trial that its client gives up makes room for another', TIMEOUT, async (t) => {
  const [a] = await startReplicas(t, 'a');
  const { upstream } = upstreamFor(t, a.url, { limits: { ...QUICK, upstreamMaxFailures: 1 } });
  a.behave(lostAnswer);
  await assert.rejects(upstream.exchange(post()));
  a.behave(() => undefined);
  const gone = new AbortController();
  const seen = a.seen.length;
  const trial = until('a trial has arrived', async () => {
    upstream.exchange(post(undefined, { signal: gone.signal })).catch(() => undefined);
    return Promise.resolve(a.seen.length > seen);
  });
  await trial;
  assert.deepEqual(statesOf(upstream), ['trying']);
  gone.abort();
  await until('the trial is over', () => statesOf(upstream)[0] === 'down');
  a.behave(wellAnswer);
  await upstream.exchange(post());
  assert.deepEqual(statesOf(upstream), ['up']);
});

test('R-23 a session stays where it began, at every gateway', TIMEOUT, async (t) => {
  const [a, b] = await startReplicas(t, 'a', 'b');
  for (const replica of [a, b]) {
    replica.behave((request, response) => {
      // Both give the same id, which is two sessions all the same.
      const opened = request.headers['mcp-session-id'] === undefined;
      response.writeHead(200, { ...JSON_TYPE, ...(opened ? { 'mcp-session-id': 's.1' } : {}) });
      response.end(ANSWER);
    });
  }
  const { upstream } = upstreamFor(t, [a.url, b.url], { limits: SLOW });
  const other = upstreamFor(t, [b.url, a.url], { limits: SLOW }).upstream;
  const { sessionId } = await upstream.exchange(post(INITIALIZE));
  const [home, away] = a.seen.length === 1 ? [a, b] : [b, a];
  const second = await upstream.exchange(post(INITIALIZE));
  assert.notEqual(second.sessionId, sessionId);
  assert.equal(upstream.stats().sessions, 2);
  const mine = { sessionId };
  for (const one of [upstream, other, upstream, other]) await one.exchange(post(undefined, mine));
  assert.deepEqual([home.seen.length, away.seen.length], [5, 1]);
  assert.equal(home.seen.at(-1)?.headers['mcp-session-id'], 's.1');
  await assert.rejects(upstream.exchange(post(undefined, { sessionId: 'AAAAAAAA.s.1' })), {
    code: 'POSTERN_SESSION_NOT_FOUND',
  });
  await assert.rejects(upstream.exchange(post(undefined, { sessionId: 's1' })), {
    code: 'POSTERN_SESSION_NOT_FOUND',
  });
  await upstream.exchange(bare('DELETE', mine));
  assert.equal(home.seen.at(-1)?.method, 'DELETE');
  assert.equal(away.seen.length, 1);
});

test('R-23 a session whose endpoint is down is over while there are others', TIMEOUT, async (t) => {
  const [a, b] = await startReplicas(t, 'a', 'b');
  for (const replica of [a, b]) {
    replica.behave((_request, response) => {
      response.writeHead(200, { ...JSON_TYPE, 'mcp-session-id': 's1' }).end(ANSWER);
    });
  }
  const { upstream } = upstreamFor(t, [a.url, b.url], { limits: SLOW });
  const { sessionId } = await upstream.exchange(post(INITIALIZE));
  const [home, away] = a.seen.length === 1 ? [a, b] : [b, a];
  await home.stop();
  for (let call = 0; call < 5; call += 1) {
    // A hiccup does not cost the session.
    await assert.rejects(upstream.exchange(post(undefined, { sessionId })), {
      code: 'POSTERN_UPSTREAM_UNAVAILABLE',
    });
  }
  await assert.rejects(upstream.exchange(post(undefined, { sessionId })), {
    code: 'POSTERN_SESSION_NOT_FOUND',
  });
  const next = await upstream.exchange(post(INITIALIZE));
  assert.notEqual(next.sessionId, sessionId);
  assert.equal(away.seen.length, 1);
});

test('R-10 R-23 whatever becomes of calls, none is counted for longer', TIMEOUT, async (t) => {
  const [a, b] = await startReplicas(t, 'a', 'b');
  const limits = { ...QUICK, upstreamMaxFailures: 1000, maxUpstreamConnections: 4 };
  const { upstream } = upstreamFor(t, [a.url, b.url, 'http://127.0.0.1:1/'], { limits });
  const answers = [
    lostAnswer,
    wellAnswer,
    statusAnswer(401),
    statusAnswer(503, { 'retry-after': 'soon' }),
    statusAnswer(200, { 'content-type': 'text/event-stream' }),
    statusAnswer(200, { 'content-type': 'text/html' }),
  ];
  for (const answer of answers) {
    for (const replica of [a, b]) replica.behave(answer);
    for (const method of ['tools/call', 'tools/list']) {
      const request = () => post({ id: 1, method });
      const calls = Array.from({ length: 8 }, () => upstream.exchange(request()));
      for (const outcome of await Promise.allSettled(calls)) {
        if (outcome.status === 'rejected' || outcome.value.kind !== 'events') continue;
        for await (const event of outcome.value.events) assert.ok(event);
      }
    }
  }
  for (const replica of [a, b]) replica.behave(() => undefined);
  const gone = new AbortController();
  const lost = [1, 2, 3].map(() => upstream.exchange(post(undefined, { signal: gone.signal })));
  const ended = Promise.allSettled(lost);
  gone.abort();
  await ended;
  const busy = upstream.stats().endpoints?.map((one) => one.in_flight);
  assert.deepEqual(busy, [0, 0, 0]);
  // Nor does any hold a place that others wait for.
  for (const replica of [a, b]) replica.behave(wellAnswer);
  await Promise.all(Array.from({ length: 16 }, () => upstream.exchange(post())));
});

test(
  'R-10 R-23 an endpoint whose connections the gateway ends has not failed',
  TIMEOUT,
  async (t) => {
    const [a, b] = await startReplicas(t, 'a', 'b');
    for (const replica of [a, b]) replica.behave(() => undefined);
    const limits = { ...DEFAULT_LIMITS, upstreamMaxFailures: 1 };
    const { upstream, events } = upstreamFor(t, [a.url, b.url], { limits });
    const request = post({ id: 1, method: 'tools/list' });
    const calls = Promise.allSettled([upstream.exchange(request), upstream.exchange(request)]);
    await until('they have arrived', () => a.seen.length + b.seen.length === 2);
    await upstream.close();
    const outcomes = await calls;
    assert.ok(outcomes.every(({ status }) => status === 'rejected'));
    assert.deepEqual(
      events.filter(({ name }) => name !== 'upstream.connected'),
      [],
    );
  },
);
