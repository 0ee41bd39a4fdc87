import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Slices } from './slices.ts';

const MS = 1000;
const FROM = 7_000_000;

test('calls around stolen time do not count as undisturbed, all others do', () => {
  const slices = new Slices(FROM);
  slices.look(FROM, 500);
  // One call each millisecond for a second; the machine was away from 400 to 440 ms.
  for (let ms = 0; ms < 1000; ms += 1) {
    const stalled = ms >= 400 && ms < 500;
    slices.record(FROM + ms * MS, (stalled ? 30 : 1) * MS);
    if (ms % 10 === 0) slices.look(FROM + ms * MS, ms < 440 ? 500 : 540);
  }
  const { share, calls, latencyUs } = slices.quiet();
  assert.equal(latencyUs.max, 1000);
  assert.equal(share, calls / 1000);
  assert.ok(share > 0.7 && share < 0.85, String(share));
});
