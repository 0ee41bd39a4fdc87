import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Gate } from './gate.ts';

const FEW = { max: 1, maxQueue: 2, waitMs: 60_000, limit: 'max_upstream_connections' };

function signal(): AbortSignal {
  return new AbortController().signal;
}

test('those who wait enter in order', async () => {
  const gate = new Gate(FEW);
  assert.equal(gate.enter('alice', signal()), null);
  const order: string[] = [];
  const first = gate.enter('alice', signal())?.then(() => order.push('first'));
  const second = gate.enter('alice', signal())?.then(() => order.push('second'));
  gate.leave('alice');
  await first;
  assert.deepEqual(order, ['first']);
  gate.leave('alice');
  await second;
  gate.leave('alice');
  assert.equal(gate.enter('alice', signal()), null);
});

test('too many are turned away at once, and told which limit', () => {
  const gate = new Gate({ ...FEW, maxQueue: 0 });
  void gate.enter('alice', signal());
  assert.throws(() => gate.enter('alice', signal()), {
    code: 'POSTERN_UPSTREAM_OVERLOADED',
    details: { limit: 'max_upstream_connections', max: 1 },
  });
});

test('waiting ends with time, with the caller and with the gate', async () => {
  const gate = new Gate({ ...FEW, waitMs: 20 });
  void gate.enter('alice', signal());
  await assert.rejects(Promise.resolve(gate.enter('alice', signal())), {
    code: 'POSTERN_UPSTREAM_OVERLOADED',
  });
  const caller = new AbortController();
  const abandoned = Promise.resolve(gate.enter('alice', caller.signal));
  caller.abort();
  await assert.rejects(abandoned, { code: 'POSTERN_CALL_CANCELLED' });
  const closed = Promise.resolve(gate.enter('alice', signal()));
  gate.close();
  await assert.rejects(closed, { code: 'POSTERN_UPSTREAM_UNAVAILABLE' });
  assert.throws(() => gate.enter('alice', signal()), { code: 'POSTERN_UPSTREAM_UNAVAILABLE' });
});

test('R-18 one principal leaves room for the others, inside and in line', async () => {
  const gate = new Gate({ ...FEW, max: 4, maxQueue: 4 });
  for (let entered = 0; entered < 3; entered += 1)
    assert.equal(gate.enter('alice', signal()), null);
  const waits = [1, 2, 3].map(async () => {
    await gate.enter('alice', signal());
  });
  assert.throws(() => gate.enter('alice', signal()), { code: 'POSTERN_UPSTREAM_OVERLOADED' });
  assert.equal(gate.enter('bob', signal()), null);
  let bobEntered = false;
  const bobs = (async () => {
    await gate.enter('bob', signal());
    bobEntered = true;
  })();
  gate.leave('alice');
  await waits[0];
  assert.ok(!bobEntered, 'alice was first in line, and below her share again');
  gate.leave('bob');
  await bobs;
  gate.close();
  await Promise.allSettled(waits);
});

test('R-18 principals who wait take turns, however many calls of one came first', async () => {
  const gate = new Gate({ ...FEW, maxQueue: 8 });
  assert.equal(gate.enter('alice', signal()), null);
  const order: string[] = [];
  const calls = ['alice', 'alice', 'alice', 'bob', 'bob', 'carol'].map(async (principal) => {
    await gate.enter(principal, signal());
    order.push(principal);
    gate.leave(principal);
  });
  gate.leave('alice');
  await Promise.all(calls);
  assert.deepEqual(order, ['alice', 'bob', 'carol', 'alice', 'bob', 'alice']);
});

test('those who gave up are not waited for, and leave their places', async () => {
  const gate = new Gate(FEW);
  void gate.enter('alice', signal());
  const caller = new AbortController();
  const gone = Promise.allSettled([
    gate.enter('alice', caller.signal),
    gate.enter('bob', caller.signal),
  ]);
  caller.abort();
  await gone;
  const next = gate.enter('carol', signal());
  gate.leave('alice');
  await next;
});
