import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { mayHold } from './fair-share.ts';

test('R-18 one alone gets three quarters, and whoever comes then still gets some', () => {
  const held = { alice: 0, bob: 0, carol: 0 };
  const take = (who: keyof typeof held): void => {
    for (;;) {
      const free = 100 - held.alice - held.bob - held.carol;
      if (!mayHold(held[who], 1, free)) return;
      held[who] += 1;
    }
  };
  take('alice');
  take('bob');
  take('carol');
  assert.deepEqual(held, { alice: 75, bob: 18, carol: 5 });
});

test('R-18 where there is one of something, somebody gets it', () => {
  assert.ok(mayHold(0, 1, 1));
  assert.ok(!mayHold(1, 1, 0));
});

test('R-10 whatever is asked for, no more is held than there is', () => {
  const asked = fc.array(fc.tuple(fc.nat(9), fc.integer({ min: 1, max: 30 })), { maxLength: 200 });
  fc.assert(
    fc.property(asked, fc.integer({ min: 1, max: 100 }), (wishes, max) => {
      const held = Array.from({ length: 10 }, () => 0);
      const all = (): number => held.reduce((sum, each) => sum + each, 0);
      for (const [who, more] of wishes) {
        if (mayHold(held[who] ?? 0, more, max - all())) held[who] = (held[who] ?? 0) + more;
      }
      return all() <= max;
    }),
  );
});
