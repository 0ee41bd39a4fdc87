import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canaryVerdict } from './canary-verdict.ts';

const counts = (established: number, failed: number) => ({ established, failed });

test('R-05 a canary that does as well as the stable epoch goes on', () => {
  assert.equal(canaryVerdict(counts(100, 0), counts(100, 0)), null);
  assert.equal(canaryVerdict(counts(90, 10), counts(90, 10)), null);
  assert.equal(canaryVerdict(counts(95, 5), counts(100, 0)), null);
  assert.equal(canaryVerdict(counts(0, 0), counts(0, 0)), null);
});

test('R-05 few handshakes make nobody sure', () => {
  assert.equal(canaryVerdict(counts(21, 3), counts(24, 0)), null);
  assert.equal(canaryVerdict(counts(940, 60), counts(1000, 0)), null);
});

test('R-05 one or two failures are chance', () => {
  assert.equal(canaryVerdict(counts(0, 2), counts(100, 0)), null);
});

test('R-05 a canary that fails more often is told with both figures', () => {
  const verdict = "50 % of its handshakes failed, 1 % of the stable epoch's";
  assert.equal(canaryVerdict(counts(3, 3), counts(99, 1)), verdict);
  assert.notEqual(canaryVerdict(counts(0, 3), counts(0, 0)), null);
  assert.notEqual(canaryVerdict(counts(900, 100), counts(1000, 0)), null);
});
