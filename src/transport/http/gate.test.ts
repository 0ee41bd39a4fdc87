import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gate } from './gate.ts';

const FEW = { max: 1, maxQueue: 2, waitMs: 60_000, limit: 'max_upstream_connections' };

function signal(): AbortSignal {
  return new AbortController().signal;
}

test('those who wait enter in order', async () => {
  const gate = new Gate(FEW);
  assert.equal(gate.enter(signal()), null);
  const order: string[] = [];
  const first = gate.enter(signal())?.then(() => order.push('first'));
  const second = gate.enter(signal())?.then(() => order.push('second'));
  gate.leave();
  await first;
  assert.deepEqual(order, ['first']);
  gate.leave();
  await second;
  gate.leave();
  assert.equal(gate.enter(signal()), null);
});

test('too many are turned away at once, and told which limit', () => {
  const gate = new Gate({ ...FEW, maxQueue: 0 });
  void gate.enter(signal());
  assert.throws(() => gate.enter(signal()), {
    code: 'POSTERN_UPSTREAM_OVERLOADED',
    details: { limit: 'max_upstream_connections', max: 1 },
  });
});

test('waiting ends with time, with the caller and with the gate', async () => {
  const gate = new Gate({ ...FEW, waitMs: 20 });
  void gate.enter(signal());
  await assert.rejects(Promise.resolve(gate.enter(signal())), {
    code: 'POSTERN_UPSTREAM_OVERLOADED',
  });
  const caller = new AbortController();
  const abandoned = Promise.resolve(gate.enter(caller.signal));
  caller.abort();
  await assert.rejects(abandoned, { code: 'POSTERN_CALL_CANCELLED' });
  const closed = Promise.resolve(gate.enter(signal()));
  gate.close();
  await assert.rejects(closed, { code: 'POSTERN_UPSTREAM_UNAVAILABLE' });
  assert.throws(() => gate.enter(signal()), { code: 'POSTERN_UPSTREAM_UNAVAILABLE' });
});
