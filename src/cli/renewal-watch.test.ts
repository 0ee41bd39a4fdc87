import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { RenewalWatch, watchRenewal } from './renewal-watch.ts';

const DAY_MS = 86_400_000;
const BEGIN_MS = Date.parse('2026-01-01T00:00:00Z');

function certificateFrom(fromMs: number, days: number) {
  return { validFromDate: new Date(fromMs), validToDate: new Date(fromMs + days * DAY_MS) };
}

/** A watch of a certificate for three days, and a clock to set. */
function watched(t: TestContext, outcomes: readonly boolean[]) {
  t.mock.timers.enable({ apis: ['Date'], now: BEGIN_MS });
  const told = t.mock.method(process.stderr, 'write', () => true);
  const left = [...outcomes];
  let current = certificateFrom(BEGIN_MS, 3);
  const watch = new RenewalWatch({
    leaf: () => Promise.resolve(current),
    renew: () => {
      if (left.shift() !== true) return Promise.reject(new Error('no gateway'));
      current = certificateFrom(Date.now(), 3);
      return Promise.resolve(current.validToDate.getTime());
    },
  });
  return {
    left,
    told: () => told.mock.calls.map(({ arguments: [text] }) => String(text)).join(''),
    lookAt: (days: number): Promise<number> => {
      t.mock.timers.setTime(BEGIN_MS + days * DAY_MS);
      return watch.look();
    },
  };
}

test('R-21 a watch renews at two thirds of the life, up to a tenth earlier', async (t) => {
  const { left, told, lookAt } = watched(t, [true]);
  for (const days of [0, 1, 1.69]) assert.equal(await lookAt(days), 60_000);
  assert.equal(left.length, 1);
  assert.equal(told().match(/due on/g)?.length, 1, 'told once');
  assert.equal(await lookAt(2), 0);
  assert.match(told(), /renewed, until 2026-01-06T00:00:00/);
  assert.equal(await lookAt(3.6), 60_000, 'the new one is not due');
});

test('R-21 a watch tries again with longer pauses, and begins anew after a success', async (t) => {
  const { told, lookAt } = watched(t, [false, false, false, true, false]);
  const pauses: number[] = [];
  for (const days of [2, 2.1, 2.2, 2.3, 4.3]) pauses.push(await lookAt(days));
  assert.deepEqual(pauses, [5000, 10_000, 20_000, 0, 5000]);
  assert.match(told(), /trying again in 5 s: no gateway/);
});

test('R-21 a watch ends when its certificate has expired', async () => {
  const expired = certificateFrom(Date.now() - 4 * DAY_MS, 3);
  const renew = (): Promise<number> => Promise.reject(new Error('must not be tried'));
  await assert.rejects(watchRenewal({ leaf: () => Promise.resolve(expired), renew }), {
    code: 'POSTERN_CLIENT_CERTIFICATE_EXPIRED',
  });
  assert.equal(process.listenerCount('SIGTERM'), 0);
});
