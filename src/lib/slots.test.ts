import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Slots } from './slots.ts';

test('R-14: slots hold what a set would', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 5 })), (steps) => {
      const slots = new Slots<{ n: number }>();
      const set = new Set<{ n: number }>();
      const taken: { slot: number; item: { n: number } }[] = [];
      for (const [n, step] of steps.entries()) {
        const leaving = step < 2 ? taken.splice(step, 1)[0] : undefined;
        if (leaving !== undefined) {
          slots.remove(leaving.slot);
          set.delete(leaving.item);
        } else {
          const item = { n };
          taken.push({ slot: slots.add(item), item });
          set.add(item);
        }
        assert.equal(slots.size, set.size);
        assert.deepEqual(new Set(slots), set);
      }
    }),
  );
});

test('R-14: a slot is used again, and given up once', () => {
  const slots = new Slots();
  const first = slots.add({});
  slots.add({});
  slots.remove(first);
  assert.throws(() => slots.remove(first), /slot 0/);
  assert.equal(slots.add({}), first);
});

test('R-14: what is removed while slots are walked through does not come any more', () => {
  const slots = new Slots<{ slot: number }>();
  for (let count = 0; count < 4; count += 1) {
    const item = { slot: -1 };
    item.slot = slots.add(item);
  }
  const seen: number[] = [];
  for (const { slot } of slots) {
    seen.push(slot);
    if (slot === 0) slots.remove(2);
  }
  assert.deepEqual(seen, [0, 1, 3]);
});
