import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from '#lib';
import { CallCancelled } from '../errors.ts';
import type { Gate } from './event-stream.ts';
import { EventStreams } from './event-stream.ts';

class CountingGate implements Gate {
  readonly holders = new Set<object>();

  hold(holder: object): void {
    this.holders.add(holder);
  }

  release(holder: object): void {
    this.holders.delete(holder);
  }
}

function setUp(sseBufferBytes = 1000) {
  const streams = new EventStreams({
    ...DEFAULT_LIMITS,
    sseBufferBytes,
    slowReaderTimeoutMs: 1000,
  });
  const gate = new CountingGate();
  let released = 0;
  const stream = streams.open(gate, () => (released += 1));
  return { streams, gate, stream, released: () => released };
}

test('messages come out in order, whether the reader waits or they do', async () => {
  const { stream, streams } = setUp();
  const reader = stream[Symbol.asyncIterator]();
  const early = reader.next();
  stream.push(Buffer.from('{"n":1}'));
  stream.push(Buffer.from('{"n":2}'));
  stream.end();
  const first = await early;
  assert.equal(first.value?.wire.toString(), 'event: message\ndata: {"n":1}\n\n');
  assert.equal(first.value?.message?.toString(), '{"n":1}');
  const second = await reader.next();
  assert.equal(second.value?.message?.toString(), '{"n":2}');
  assert.equal((await reader.next()).done, true);
  assert.equal(streams.size, 0);
});

test('the source is held while the reader is behind, until half is read', async () => {
  const { stream, gate } = setUp(1000);
  const reader = stream[Symbol.asyncIterator]();
  for (let i = 0; i < 4; i += 1) stream.push(Buffer.alloc(100, 'x'));
  assert.equal(gate.holders.size, 1);
  await reader.next();
  assert.equal(gate.holders.size, 1);
  await reader.next();
  await reader.next();
  assert.equal(gate.holders.size, 0);
});

test('ending the iteration early releases the stream at once, even while it waits', async () => {
  const { stream, gate, released, streams } = setUp(100);
  const reader = stream[Symbol.asyncIterator]();
  const waiting = reader.next();
  await reader.return?.();
  assert.equal((await waiting).done, true);
  assert.equal(released(), 1);
  assert.equal(streams.size, 0);
  stream.push(Buffer.alloc(500));
  assert.equal(gate.holders.size, 0);
  assert.equal((await reader.next()).done, true);
});

test('a failure is thrown after what came before it', async () => {
  const { stream } = setUp();
  const reader = stream[Symbol.asyncIterator]();
  stream.push(Buffer.from('{}'));
  stream.end(new CallCancelled('gone'));
  assert.equal((await reader.next()).done, false);
  await assert.rejects(reader.next(), { code: 'POSTERN_CALL_CANCELLED' });
  assert.equal((await reader.next()).done, true);
});

test('a reader that takes nothing while messages wait is cut off', async () => {
  const { stream, streams, gate, released } = setUp(10);
  stream.push(Buffer.from('{}'));
  streams.tick(performance.now() + 900);
  assert.equal(released(), 0);
  streams.tick(performance.now() + 1100);
  assert.equal(released(), 1);
  assert.equal(gate.holders.size, 0);
  assert.equal(streams.size, 0);
  const reader = stream[Symbol.asyncIterator]();
  await assert.rejects(reader.next(), { code: 'POSTERN_READER_TOO_SLOW' });
});

test('a silent stream is never cut off', () => {
  const { streams, released } = setUp();
  streams.tick(performance.now() + 1e9);
  assert.equal(released(), 0);
});
