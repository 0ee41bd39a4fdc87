import assert from 'node:assert/strict';
import { test } from 'node:test';
import { until } from '../../../test/support/until.ts';
import { Breaker } from './breaker.ts';

const LIMITS = { upstreamMaxFailures: 3, upstreamBackoffMinMs: 20, upstreamBackoffMaxMs: 100 };
const FAULT = { reason: 'nothing listens there', code: null, wantedMs: 0, principal: null };

function breaker(limits: Partial<typeof LIMITS> = {}, triedByCalls = true) {
  const told: (number | 'up')[] = [];
  const made = new Breaker({
    limits: { ...LIMITS, ...limits },
    triedByCalls,
    onDown: (_fault, pauseMs) => told.push(pauseMs),
    onUp: () => told.push('up'),
  });
  return { breaker: made, told };
}

function fail({ breaker: one }: ReturnType<typeof breaker>, times: number): void {
  for (let time = 0; time < times; time += 1) one.failed(FAULT, one.enter('alice'));
}

test('R-23 failures in a row take an endpoint out of use; an answer between them does not', () => {
  const made = breaker();
  for (let round = 0; round < 5; round += 1) {
    fail(made, 2);
    made.breaker.succeeded(made.breaker.enter('alice'));
  }
  assert.equal(made.breaker.state, 'up');
  fail(made, 3);
  assert.equal(made.breaker.state, 'down');
  assert.equal(made.breaker.isReady('alice'), false);
  assert.equal(made.told.length, 1);
  const [pauseMs = 0] = made.told as number[];
  assert.ok(pauseMs >= 10 && pauseMs <= 20, `${pauseMs}`);
});

test('R-23 after the pause one call at a time tries it; its answer brings the endpoint back', async () => {
  const made = breaker();
  fail(made, 3);
  await until('the pause is over', () => made.breaker.isReady('alice'));
  assert.equal(made.breaker.waitMs, 0);
  assert.equal(made.breaker.enter('alice'), true);
  assert.equal(made.breaker.state, 'trying');
  assert.equal(made.breaker.isReady('alice'), false);
  made.breaker.release();
  assert.equal(made.breaker.isReady('alice'), true);
  made.breaker.failed(FAULT, made.breaker.enter('alice'));
  assert.equal(made.breaker.isReady('alice'), false);
  await until('the next pause is over', () => made.breaker.isReady('alice'));
  made.breaker.succeeded(made.breaker.enter('alice'));
  assert.deepEqual([made.breaker.state, made.told.at(-1), made.told.length], ['up', 'up', 2]);
  assert.equal(made.breaker.enter('alice'), false);
});

test('R-23 each trial that fails makes the pause longer, up to a bound', () => {
  const made = breaker({ upstreamMaxFailures: 1, upstreamBackoffMinMs: 10_000 });
  fail(made, 1);
  assert.ok(made.breaker.waitMs <= 100);
  const longer = breaker({ upstreamBackoffMinMs: 1, upstreamBackoffMaxMs: 60_000 });
  fail(longer, 3);
  for (let trial = 0; trial < 20; trial += 1) longer.breaker.failed(FAULT, true);
  assert.ok(longer.breaker.waitMs >= 29_000);
  assert.equal(longer.told.length, 1);
  const wanting = breaker({ upstreamBackoffMaxMs: 60_000 });
  wanting.breaker.failed({ ...FAULT, wantedMs: 3_600_000 }, false);
  assert.ok(wanting.breaker.waitMs > 50_000 && wanting.breaker.waitMs <= 60_000);
});

test('R-23 a trial that takes long does not keep the others waiting', async () => {
  const slow = { upstreamBackoffMinMs: 20, upstreamBackoffMaxMs: 20 };
  const made = breaker(slow);
  fail(made, 3);
  await until('the pause is over', () => made.breaker.isReady('alice'));
  assert.equal(made.breaker.enter('alice'), true);
  assert.equal(made.breaker.isReady('bob'), false);
  await until('another may try', () => made.breaker.isReady('bob'));
  assert.equal(made.breaker.enter('bob'), true);
  made.breaker.succeeded(true);
  made.breaker.failed(FAULT, true);
  assert.equal(made.breaker.state, 'up');

  const connecting = breaker({ upstreamBackoffMinMs: 10, upstreamBackoffMaxMs: 600_000 });
  fail(connecting, 3);
  for (let trial = 0; trial < 16; trial += 1) connecting.breaker.failed(FAULT, true);
  connecting.breaker.endPause();
  connecting.breaker.enter('alice');
  assert.equal(connecting.breaker.isReady('bob'), false);
  connecting.breaker.connected();
  await until('another may try', () => connecting.breaker.isReady('bob'));
});

test('R-23 what was under way before says nothing of an endpoint that is down', () => {
  const made = breaker({ upstreamBackoffMinMs: 100 });
  fail(made, 3);
  const { waitMs } = made.breaker;
  for (let time = 0; time < 100; time += 1) made.breaker.failed(FAULT, false);
  assert.ok(made.breaker.waitMs <= waitMs);
  made.breaker.succeeded(false);
  assert.equal(made.breaker.state, 'down');
});

test('R-23 where checks find out that it is back no call does', async () => {
  const made = breaker({ upstreamBackoffMinMs: 1, upstreamBackoffMaxMs: 1 }, false);
  fail(made, 3);
  await until('the pause is over', () => made.breaker.waitMs === 0);
  assert.equal(made.breaker.isReady('alice'), false);
  made.breaker.succeeded(true);
  assert.equal(made.breaker.isReady('alice'), true);
});

test('R-18 R-23 a principal whose calls alone fail keeps nobody else away', () => {
  const made = breaker({ upstreamBackoffMinMs: 100 });
  const failFor = (principal: string | null, times: number): void => {
    for (let time = 0; time < times; time += 1) made.breaker.failed({ ...FAULT, principal }, false);
  };
  const ready = () => ['mallory', 'alice'].map((name) => made.breaker.isReady(name));
  failFor('mallory', 3);
  assert.deepEqual(ready(), [false, true]);
  assert.equal(made.breaker.enter('alice'), false);
  made.breaker.succeeded(false);
  assert.deepEqual([made.breaker.state, ...ready()], ['up', true, true]);
  // Two who meet failures are no coincidence; nor is what no call can bring about.
  failFor('mallory', 3);
  failFor('alice', 1);
  assert.deepEqual(ready(), [false, false]);
  made.breaker.succeeded(false);
  assert.deepEqual(ready(), [false, false]);
  const mixed = breaker();
  mixed.breaker.failed({ ...FAULT, principal: 'mallory' }, false);
  fail(mixed, 2);
  assert.equal(mixed.breaker.isReady('alice'), false);
});
