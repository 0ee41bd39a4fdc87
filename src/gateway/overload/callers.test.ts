import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Callers } from './callers.ts';

test('R-10 callers without anything in flight are forgotten, and those beyond the bound are one', () => {
  const callers = new Callers();
  for (let count = 0; count < 10_000; count += 1) callers.of(`caller ${count}`).arrivals += 1;
  assert.equal(callers.of('one more'), callers.of('another'));
  const busy = callers.of('caller 7');
  busy.calls += 1;
  callers.rest();
  assert.equal(callers.size, 10_000, 'they were there just now');
  callers.rest();
  assert.equal(callers.size, 1);
  assert.equal(callers.of('caller 7'), busy);
});
