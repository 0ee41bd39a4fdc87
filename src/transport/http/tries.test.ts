import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from '#lib';
import type { UpstreamReply } from '../upstream.ts';
import { post, statelessRevision, upstreamFor } from '../../../test/support/http-upstream.ts';
import {
  lostAnswer,
  startReplicas,
  statusAnswer,
  wellAnswer,
} from '../../../test/support/replicas.ts';
import type { HttpUpstream } from './upstream.ts';

const TIMEOUT = { timeout: 20_000 };
/** No endpoint is left alone, however often it fails. */
const PATIENT = { ...DEFAULT_LIMITS, upstreamMaxFailures: 1000 };
const UNAVAILABLE = { code: 'POSTERN_UPSTREAM_UNAVAILABLE' };

const revision = statelessRevision();

function ask(upstream: HttpUpstream, method: string, params: object = {}): Promise<UpstreamReply> {
  return upstream.exchange(post({ id: 1, method, params }, { revision }));
}

for (const [what, answer] of [
  ['closes its connection', lostAnswer],
  ['answers with 503', statusAnswer(503)],
] as const) {
  test(`R-23 what only reads goes to another endpoint when one ${what}`, TIMEOUT, async (t) => {
    const [a, b] = await startReplicas(t, 'a', 'b');
    a.behave(answer);
    const { upstream, events } = upstreamFor(t, [a.url, b.url], { limits: PATIENT });
    const reads = ['tools/list', 'resources/read', 'prompts/get', 'server/discover'];
    for (const method of reads) assert.equal((await ask(upstream, method)).status, 200);
    const repeated = events.filter(({ name }) => name === 'upstream.retried').length;
    assert.equal(a.seen.length + b.seen.length, reads.length + repeated);
    assert.ok(repeated > 0);
    assert.equal(upstream.stats().retries, repeated);
    const arrived = a.seen.length + b.seen.length;
    const writes = ['tools/call', 'initialize', 'tasks/cancel', 'x/y', 'tools/call'];
    const outcomes = await Promise.allSettled(writes.map((method) => ask(upstream, method)));
    assert.ok(outcomes.some((one) => one.status === 'rejected' || one.value.status === 503));
    assert.equal(a.seen.length + b.seen.length, arrived + writes.length);
  });
}

test('R-23 a read that crosses the end of its connection is sent again', TIMEOUT, async (t) => {
  const [a] = await startReplicas(t, 'a');
  const { upstream } = upstreamFor(t, a.url, { limits: PATIENT });
  const once = (): void => {
    let lost = false;
    a.behave((request, response) => {
      if (lost) wellAnswer(request, response);
      else request.socket.destroy();
      lost = true;
    });
  };
  await ask(upstream, 'tools/list');
  once();
  assert.equal((await ask(upstream, 'tools/list')).status, 200);
  assert.equal(a.seen.length, 3);
  once();
  await assert.rejects(ask(upstream, 'tools/call'), UNAVAILABLE);
  assert.equal(a.seen.length, 4);
  // On a new connection it is the server that is broken.
  once();
  await assert.rejects(ask(upstream, 'tools/list'), UNAVAILABLE);
  assert.equal(a.seen.length, 5);
});

test('R-23 a read is sent twice at most, and never once more in a session', TIMEOUT, async (t) => {
  const replicas = await startReplicas(t, 'a', 'b', 'c');
  for (const replica of replicas) replica.behave(lostAnswer);
  const [a, b, c] = replicas;
  const { upstream } = upstreamFor(t, [a.url, b.url, c.url], { limits: PATIENT });
  const arrived = (): number => a.seen.length + b.seen.length + c.seen.length;
  await assert.rejects(ask(upstream, 'tools/list'), UNAVAILABLE);
  assert.equal(arrived(), 2);
  for (const replica of replicas) {
    replica.behave((_request, response) => {
      response.writeHead(200, { 'mcp-session-id': 's1' }).end();
    });
  }
  const { sessionId } = await upstream.exchange(post({ id: 0, method: 'initialize' }));
  for (const replica of replicas) replica.behave(lostAnswer);
  const before = arrived();
  const inSession = post({ id: 1, method: 'tools/list' }, { sessionId });
  await assert.rejects(upstream.exchange(inSession), UNAVAILABLE);
  assert.equal(arrived(), before + 1);
});

test('R-23 an outage is not multiplied: repeats are a share of the calls', TIMEOUT, async (t) => {
  const [a, b] = await startReplicas(t, 'a', 'b');
  for (const replica of [a, b]) replica.behave(statusAnswer(503));
  const { upstream } = upstreamFor(t, [a.url, b.url], { limits: PATIENT });
  for (let round = 0; round < 20; round += 1) {
    await Promise.all(Array.from({ length: 10 }, () => ask(upstream, 'tools/list')));
  }
  const arrived = a.seen.length + b.seen.length;
  assert.ok(arrived >= 220 && arrived <= 230, `${arrived}`);
  const never = upstreamFor(t, [a.url, b.url], {
    limits: { ...PATIENT, upstreamRetryPercent: 0 },
  }).upstream;
  for (let call = 0; call < 20; call += 1) await ask(never, 'tools/list');
  assert.equal(a.seen.length + b.seen.length, arrived + 20);
});

test('R-23 a call whose client has gone is not tried again', TIMEOUT, async (t) => {
  const [a, b] = await startReplicas(t, 'a', 'b');
  const gone = new AbortController();
  for (const replica of [a, b]) {
    replica.behave((request) => {
      gone.abort();
      request.socket.destroy();
    });
  }
  const { upstream } = upstreamFor(t, [a.url, b.url], { limits: PATIENT });
  const request = post({ id: 1, method: 'tools/list' }, { revision, signal: gone.signal });
  await assert.rejects(upstream.exchange(request), { code: 'POSTERN_CALL_CANCELLED' });
  assert.equal(a.seen.length + b.seen.length, 1);
});
