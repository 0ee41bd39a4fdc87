import assert from 'node:assert/strict';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { test } from 'node:test';
import { HandshakeLine } from './handshake-line.ts';

/** More than the handshakes of one turn may take. */
function work(): void {
  const until = performance.now() + 3;
  while (performance.now() < until);
}

test('R-10 a handshake begins at once while nobody waits', () => {
  const line = new HandshakeLine(10);
  let begun = 0;
  assert.notEqual(
    line.join('a', () => (begun += 1)),
    null,
  );
  assert.equal(begun, 1);
});

test('R-10 of those that come together one begins in each turn, and others get turns between', async () => {
  const line = new HandshakeLine(10);
  const begun: string[] = [];
  for (const name of ['first', 'second', 'third']) {
    line.join('a', () => {
      work();
      begun.push(name);
    });
  }
  for (const expected of [['first'], ['first', 'second'], ['first', 'second', 'third']]) {
    assert.deepEqual(begun, expected);
    await nextTurn();
  }
});

test('R-18 sources take turns, and none fills the line alone', async () => {
  const line = new HandshakeLine(8);
  const begun: string[] = [];
  const join = (source: string): boolean =>
    line.join(source, () => {
      work();
      begun.push(source);
    }) !== null;
  join('first');
  const flood = Array.from({ length: 20 }, () => join('flood')).filter(Boolean);
  assert.equal(flood.length, 6);
  assert.ok(join('guest'));
  while (begun.length < 8) await nextTurn();
  assert.deepEqual(begun.slice(0, 4), ['first', 'flood', 'guest', 'flood']);
});

test('R-10 who gives up is not waited for', async () => {
  const line = new HandshakeLine(2);
  line.join('a', work);
  const leave = line.join('a', () => assert.fail('it had given up'));
  leave?.();
  leave?.();
  await new Promise<void>((resolve) => line.join('b', resolve));
});
