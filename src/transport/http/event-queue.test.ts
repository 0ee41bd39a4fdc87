import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StreamEvent } from '../upstream.ts';
import { EventQueue } from './event-queue.ts';

const QUIET = { onDrained: () => {}, onReturn: () => {} };

function event(text: string): StreamEvent {
  return { wire: Buffer.from(text), message: null, id: text };
}

test('events come out in order, with or without a reader waiting', async () => {
  const queue = new EventQueue(QUIET, 0);
  const waiting = [queue.next(), queue.next()];
  for (let n = 0; n < 2000; n += 1) queue.push(event(String(n)));
  queue.end();
  const ids: (string | null | undefined)[] = [];
  for (const first of waiting) ids.push((await first).value?.id);
  for await (const { id } of queue) ids.push(id);
  assert.deepEqual(
    ids,
    Array.from({ length: 2000 }, (_, n) => String(n)),
  );
  assert.equal(queue.buffered, 0);
});

test('a failure comes once, after the events before it', async () => {
  const queue = new EventQueue(QUIET, 0);
  queue.push(event('a'));
  queue.end(new Error('broken'));
  queue.push(event('too late'));
  assert.equal((await queue.next()).value?.id, 'a');
  await assert.rejects(queue.next(), /broken/);
  assert.equal((await queue.next()).done, true);
});

test('the source hears when the reader has caught up and when it stops', async () => {
  const heard: string[] = [];
  const source = {
    onDrained: () => heard.push('drained'),
    onReturn: () => heard.push('returned'),
  };
  const queue = new EventQueue(source, 300);
  queue.push(event('a'));
  queue.push(event('b'));
  assert.ok(queue.buffered > 300);
  await queue.next();
  assert.deepEqual(heard, ['drained']);
  const waiting = new EventQueue(source, 0);
  const next = waiting.next();
  await waiting.return();
  assert.equal((await next).done, true);
  assert.deepEqual(heard, ['drained', 'returned']);
});
