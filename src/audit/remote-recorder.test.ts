import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from '#lib';
import { sampleEntry } from './entry.fixture.ts';
import type { RecordMode } from './recorder.ts';
import { RemoteRecorder } from './remote-recorder.ts';

interface Sent {
  readonly text: string;
  readonly entries: number;
}

function recorderFor(mode: RecordMode, limits: Partial<typeof DEFAULT_LIMITS> = {}) {
  const sent: Sent[] = [];
  const recorder = new RemoteRecorder({
    mode,
    limits: { ...DEFAULT_LIMITS, ...limits },
    send: (lines, entries) => sent.push({ text: Buffer.from(lines).toString(), entries }),
  });
  return { recorder, sent };
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
const refusedFor = (reason: string) => (error: unknown) =>
  (error as { details: { reason: unknown } }).details.reason === reason;

test('R-19 entries of a turn go together, and the next ones when these are stored', async () => {
  const { recorder, sent } = recorderFor('durable');
  recorder.admit();
  const stored: string[] = [];
  const record = (id: string): Promise<void> =>
    recorder.record(sampleEntry({ id })).then(() => void stored.push(id));
  const first = [record('a'), record('b')];
  assert.equal(sent.length, 0);
  await turn();
  assert.deepEqual(
    sent.map(({ entries }) => entries),
    [2],
  );
  const later = [record('c'), record('d'), record('e')];
  await turn();
  assert.equal(sent.length, 1);
  assert.deepEqual(stored, []);
  recorder.recorded(null);
  await Promise.all(first);
  assert.deepEqual(stored, ['a', 'b']);
  assert.equal(sent.length, 2);
  recorder.recorded(null);
  await Promise.all(later);
  assert.deepEqual(recorder.stats(), { written: 5, pending: 0, failed: 0, lost: 0 });
  const ids = sent.flatMap(({ text }) =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => /"id":"(\w+)"/.exec(line)?.[1]),
  );
  assert.deepEqual(ids, ['a', 'b', 'c', 'd', 'e']);
});

test('R-19 calls are refused while the record is, stalls, or has too much to do', async () => {
  const { recorder } = recorderFor('durable', { maxRecordQueue: 2, recordStallTimeoutMs: 20 });
  recorder.refuse('write_failed');
  assert.throws(() => recorder.admit(), refusedFor('write_failed'));
  recorder.refuse(null);
  recorder.admit();
  const entries = Array.from({ length: 5 }, () => recorder.record(sampleEntry()));
  const [outcomes] = await Promise.all([Promise.allSettled(entries), turn().then(settle)]);
  // Calls that were admitted have twice the room.
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'fulfilled', 'fulfilled', 'rejected'],
  );
  recorder.admit();
  const waiting = [recorder.record(sampleEntry())];
  await turn();
  waiting.push(recorder.record(sampleEntry()));
  assert.throws(() => recorder.admit(), refusedFor('queue_full'));
  recorder.recorded('write_failed');
  await assert.rejects(waiting[0] ?? turn(), refusedFor('write_failed'));
  const until = performance.now() + 25;
  while (performance.now() < until) await turn();
  assert.throws(() => recorder.admit(), refusedFor('stalled'));
  recorder.recorded(null);
  await waiting[1];
  recorder.admit();

  function settle(): void {
    assert.throws(() => recorder.admit(), refusedFor('queue_full'));
    recorder.recorded(null);
  }
});

test('R-19 in the background nobody waits, and closing does until all is with the other thread', async () => {
  const { recorder, sent } = recorderFor('async');
  recorder.refuse('write_failed');
  recorder.admit();
  await recorder.record(sampleEntry());
  await turn();
  await recorder.record(sampleEntry());
  let isClosed = false;
  const closing = recorder.close().then(() => {
    isClosed = true;
    return isClosed;
  });
  recorder.recorded('queue_full');
  await turn();
  assert.equal(isClosed, false);
  recorder.recorded(null);
  await closing;
  assert.deepEqual(
    sent.map(({ entries }) => entries),
    [1, 1],
  );
  assert.deepEqual(recorder.stats(), { written: 1, pending: 0, failed: 1, lost: 0 });
});

test('R-19 without a record nothing is sent', async () => {
  const { recorder, sent } = recorderFor('off');
  assert.equal(recorder.on, false);
  recorder.admit();
  await recorder.record(sampleEntry());
  await recorder.close();
  assert.deepEqual(sent, []);
});
