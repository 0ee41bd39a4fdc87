import assert from 'node:assert/strict';
import { test } from 'node:test';
import { retryAfterMs } from './retry-after.ts';

const NOW = Date.parse('2026-07-28T12:00:00Z');

test('R-23 Retry-After is read as seconds or as a date, or not at all', () => {
  const cases: readonly (readonly [string | string[] | undefined, number])[] = [
    ['120', 120_000],
    [' 0 ', 0],
    ['Tue, 28 Jul 2026 12:00:30 GMT', 30_000],
    ['Tue, 28 Jul 2026 11:00:00 GMT', 0],
    ['Tuesday, 28-Jul-26 12:00:30 GMT', 30_000],
    [undefined, 0],
    ['', 0],
    ['-1', 0],
    ['1.5', 0],
    ['9999999999', 0],
    ['2026', 2_026_000],
    ['2026-07-28T12:00:30Z', 0],
    ['soon', 0],
    [['1', '2'], 0],
    ['Tue, 99 Xyz 2026 12:00:30 GMT', 0],
  ];
  for (const [value, expected] of cases)
    assert.equal(retryAfterMs(value, NOW), expected, String(value));
});
