import assert from 'node:assert/strict';
import { once, EventEmitter } from 'node:events';
import { test } from 'node:test';
import type { PosternEvent } from '#lib';
import { limitRepeats } from './repeats.ts';

function setUp() {
  const passed: PosternEvent[] = [];
  const changes = new EventEmitter();
  const limiter = limitRepeats((event) => {
    passed.push(event);
    if (event.fields?.['suppressed'] !== undefined) changes.emit('summary');
  });
  return { ...limiter, passed, changes };
}

const refused = (message = 'refused'): PosternEvent => ({
  severity: 'alert',
  name: 'tls.handshake_refused',
  message,
});

test('R-08 a flood of equal events is let through in part and summed up', async () => {
  const { sink, passed, changes } = setUp();
  const summary = once(changes, 'summary');
  for (let count = 0; count < 1000; count += 1) sink(refused());
  sink(refused('another reason'));
  assert.equal(passed.length, 21);
  await summary;
  assert.deepEqual(passed.at(-1), {
    severity: 'alert',
    name: 'tls.handshake_refused',
    message: 'refused (and 980 more within a second)',
    fields: { suppressed: 980 },
  });
  sink(refused());
  assert.equal(passed.length, 23, 'a new second begins');
});

test('messages made up without end are let through in part as well', () => {
  const { sink, passed, flush } = setUp();
  for (let count = 0; count < 10_000; count += 1) sink(refused(`reason ${count}`));
  flush();
  assert.equal(passed.length, 512 + 20 + 1);
  assert.equal(passed.at(-1)?.fields?.['suppressed'], 10_000 - 512 - 20);
});

test('debug events are not held back', () => {
  const { sink, passed } = setUp();
  for (let count = 0; count < 100; count += 1) sink({ ...refused(), severity: 'debug' });
  assert.equal(passed.length, 100);
});
