import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Inbox } from './inbox.ts';

const BOUNDS = { maxQueuedMessages: 2, sseBufferBytes: 100 };

test('R-23 items come in order; sources that can wait do until theirs is taken', async () => {
  const inbox = new Inbox<number>();
  let taken = false;
  const put = inbox.put(1).then(() => (taken = true));
  assert.ok(inbox.offer(2, 0, BOUNDS));
  assert.equal(taken, false);
  assert.equal(await inbox.take(), 1);
  await put;
  assert.equal(await inbox.take(), 2);
  const next = inbox.take();
  assert.ok(inbox.offer(3, 1000, BOUNDS));
  assert.equal(await next, 3);
});

test('R-23 sources that do not wait are bounded, in number and in bytes', async () => {
  const inbox = new Inbox<number>();
  assert.ok(inbox.offer(1, 90, BOUNDS));
  assert.ok(!inbox.offer(2, 20, BOUNDS));
  assert.ok(inbox.offer(3, 10, BOUNDS));
  assert.ok(!inbox.offer(4, 0, BOUNDS));
  await inbox.take();
  assert.ok(inbox.offer(5, 90, BOUNDS));
});

test('R-23 an inbox ends after what waits, with its failure once', async () => {
  const inbox = new Inbox<number>();
  void inbox.put(1);
  inbox.end(new Error('cut off'));
  assert.equal(await inbox.take(), 1);
  await assert.rejects(inbox.take(), { message: 'cut off' });
  assert.equal(await inbox.take(), null);
  const other = new Inbox<number>();
  const put = other.put(1);
  other.close();
  await put;
  assert.equal(await other.take(), null);
});
