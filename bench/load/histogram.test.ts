import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Histogram } from './histogram.ts';

test('a percentile is within 0.8 % of the exact one', () => {
  const durations = fc.array(fc.integer({ min: 0, max: 200_000_000 }), { minLength: 1 });
  fc.assert(
    fc.property(durations, fc.constantFrom(0.5, 0.9, 0.99, 0.999, 1), (values, share) => {
      const histogram = new Histogram();
      for (const value of values) histogram.record(value);
      const sorted = values.toSorted((a, b) => a - b);
      const exact = sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1] ?? 0;
      const seen = histogram.percentile(share);
      assert.ok(seen >= exact && seen <= exact * 1.008 + 0.1, `${seen} for ${exact}`);
    }),
  );
});

test('an empty histogram has zeros, and the largest value is exact', () => {
  const histogram = new Histogram();
  assert.deepEqual(histogram.summary(), { p50: 0, p99: 0, p999: 0, max: 0 });
  histogram.record(-5);
  histogram.record(123_456.7);
  assert.equal(histogram.count, 2);
  assert.deepEqual(histogram.summary(), {
    p50: 0,
    p99: 123_456.7,
    p999: 123_456.7,
    max: 123_456.7,
  });
});
