import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { startDeadline } from './deadline.ts';

/** Lets time pass for timers and the clock alike. */
function pass(ms: number): void {
  clock.nowMs += ms;
  mock.timers.tick(ms);
}

const clock = { nowMs: 0 };

test('a deadline is over once, after its time, unless it is cleared', (t) => {
  t.mock.method(performance, 'now', () => clock.nowMs);
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const over: string[] = [];
  const start = (name: string, ms = 100) => startDeadline(ms, () => over.push(name));
  const first = start('first');
  pass(40);
  start('second');
  const third = start('third');
  start('short', 10);
  third.clear();
  third.clear();
  pass(59);
  assert.deepEqual(over, ['short']);
  pass(1);
  assert.deepEqual(over, ['short', 'first']);
  first.clear();
  pass(39);
  assert.deepEqual(over, ['short', 'first']);
  pass(1);
  assert.deepEqual(over, ['short', 'first', 'second']);
  pass(1000);
  start('fourth');
  pass(99);
  assert.equal(over.length, 3);
  pass(1);
  assert.deepEqual(over.slice(3), ['fourth']);
});

test('a deadline that was cleared in the middle leaves the others where they are', (t) => {
  t.mock.method(performance, 'now', () => clock.nowMs);
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const over: number[] = [];
  const started = [0, 1, 2, 3, 4].map((name) => startDeadline(50, () => over.push(name)));
  for (const name of [2, 0, 4]) started[name]?.clear();
  pass(60);
  assert.deepEqual(over, [1, 3]);
});

test('what one deadline throws does not keep others from being over', (t) => {
  t.mock.method(performance, 'now', () => clock.nowMs);
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  let over = false;
  startDeadline(70, () => {
    throw new Error('on purpose');
  });
  startDeadline(70, () => {
    over = true;
  });
  assert.throws(() => pass(70), /on purpose/);
  pass(1);
  assert.equal(over, true);
});
