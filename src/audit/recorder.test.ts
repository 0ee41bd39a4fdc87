import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { test } from 'node:test';
import type { PosternEvent } from '#lib';
import { decodeEntry } from './decode.ts';
import { sampleEntry } from './entry.fixture.ts';
import { RecordUnavailable } from './errors.ts';
import type { RecordStore } from './port.ts';
import type { RecorderOptions } from './recorder.ts';
import { createRecorder } from './recorder.ts';

/** How the faulty store treats an append: well, not at all, or half of it and then an error. */
type Fault = 'none' | 'failed' | 'failed half way' | 'failed but persisted';

/** A store in memory that keeps the port's promises and fails when told to. */
class FaultyStore implements RecordStore {
  fault: Fault = 'none';
  /** Holds appends back until `release`. */
  gate: Promise<void> = Promise.resolve();
  release: () => void = () => undefined;
  readonly batches: number[] = [];
  readonly changes = new EventEmitter();
  closed = 0;
  #lines: Buffer[] = [];
  #good = 0;
  #busy = false;

  async append(lines: readonly Buffer[]): Promise<void> {
    assert.equal(this.#busy, false, 'one append at a time');
    this.#busy = true;
    this.changes.emit('append');
    await this.gate;
    this.#busy = false;
    this.#lines = this.#lines.slice(0, this.#good);
    const stored = { none: 1, failed: 0, 'failed half way': 0.5, 'failed but persisted': 1 };
    this.#lines.push(...lines.slice(0, Math.ceil(lines.length * stored[this.fault])));
    if (this.fault !== 'none') throw new Error(`disk: ${this.fault}`);
    this.#good = this.#lines.length;
    this.batches.push(lines.length);
  }

  close(): Promise<void> {
    this.closed += 1;
    return Promise.resolve();
  }

  hold(): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.gate = promise;
    this.release = resolve;
  }

  /** Ids in the store, those of failed appends that nothing removed included. */
  ids(): (string | undefined)[] {
    return this.#lines.map((line) => decodeEntry(line.subarray(0, -1))?.id);
  }
}

function setUp(options: Partial<RecorderOptions> = {}) {
  const store = new FaultyStore();
  const told: PosternEvent[] = [];
  const changes = new EventEmitter();
  const recorder = createRecorder({
    mode: 'durable',
    store,
    limits: { maxRecordQueue: 100, recordStallTimeoutMs: 5000 },
    events: (event) => {
      told.push(event);
      changes.emit(event.name);
    },
    ...options,
  });
  const alerts = (name: string) => told.filter((event) => event.name === name);
  return { store, recorder, alerts, changes };
}

const entries = (count: number) => Array.from({ length: count }, () => sampleEntry());
const idsOf = (list: readonly { id: string }[]) => list.map(({ id }) => id);
const unavailable = (reason: string) => (thrown: unknown) =>
  thrown instanceof RecordUnavailable && thrown.details['reason'] === reason;

test('R-19 durable: record resolves when the entry is stored, not before', async () => {
  const { store, recorder } = setUp();
  store.hold();
  const steps: string[] = [];
  const recorded = recorder.record(sampleEntry()).then(() => steps.push('recorded'));
  await once(store.changes, 'append');
  steps.push('append begun');
  assert.deepEqual(recorder.stats(), { written: 0, pending: 1, failed: 0, lost: 0 });
  store.release();
  await recorded;
  assert.deepEqual(steps, ['append begun', 'recorded']);
  assert.deepEqual(recorder.stats(), { written: 1, pending: 0, failed: 0, lost: 0 });
  await recorder.close();
});

test('entries that gather during a write are the next batch', async () => {
  const { store, recorder } = setUp();
  store.hold();
  const first = entries(3);
  const second = entries(40);
  const recorded = first.map((entry) => recorder.record(entry));
  await once(store.changes, 'append');
  recorded.push(...second.map((entry) => recorder.record(entry)));
  store.release();
  await Promise.all(recorded);
  assert.deepEqual(store.batches, [3, 40]);
  assert.deepEqual(store.ids(), idsOf([...first, ...second]));
  await recorder.close();
});

test('a call recorded right after another settled is not forgotten', async () => {
  const { store, recorder } = setUp();
  const chain = async () => {
    for (const entry of entries(20)) await recorder.record(entry);
  };
  await Promise.all([chain(), chain(), chain()]);
  assert.equal(store.ids().length, 60);
  await recorder.close();
});

for (const fault of ['failed', 'failed half way', 'failed but persisted'] as const) {
  test(`R-19 durable, write ${fault}: refused, kept, and written once after recovery`, async () => {
    const { store, recorder, alerts, changes } = setUp();
    const [before, during, behind, late] = [entries(2), entries(5), entries(3), entries(2)];
    await Promise.all(before.map((entry) => recorder.record(entry)));
    recorder.admit();

    store.fault = fault;
    store.hold();
    const refused = during.map((entry) => recorder.record(entry));
    await once(store.changes, 'append');
    refused.push(...behind.map((entry) => recorder.record(entry)));
    store.release();
    for (const result of await Promise.allSettled(refused)) {
      assert.ok(result.status === 'rejected' && unavailable('write_failed')(result.reason));
    }
    assert.throws(() => recorder.admit(), unavailable('write_failed'));
    for (const entry of late) {
      await assert.rejects(recorder.record(entry), unavailable('write_failed'));
    }
    assert.deepEqual(recorder.stats(), { written: 2, pending: 0, failed: 10, lost: 0 });
    await assert.rejects(recorder.flush(), unavailable('write_failed'));

    const recovery = once(changes, 'record.recovered');
    store.fault = 'none';
    await recovery;
    recorder.admit();
    const after = sampleEntry();
    await recorder.record(after);
    assert.deepEqual(store.ids(), idsOf([...before, ...during, ...behind, ...late, after]));
    assert.equal(alerts('record.unavailable').length, 1, 'one alert an outage');
    await recorder.close();
    assert.equal(alerts('record.incomplete').length, 0);
  });
}

test('the failure that a caller gets does not repeat the store’s words', async () => {
  const { store, recorder, alerts } = setUp();
  store.fault = 'failed';
  await assert.rejects(recorder.record(sampleEntry()), (thrown: unknown) => {
    assert.ok(thrown instanceof RecordUnavailable);
    assert.equal(thrown.httpStatus, 503);
    assert.doesNotMatch(`${thrown.message} ${JSON.stringify(thrown.details)}`, /disk:/);
    return true;
  });
  assert.equal(alerts('record.unavailable')[0]?.fields?.['error'], 'disk: failed');
  await recorder.close();
});

test('durable: admits no call while too many entries wait, and records those it admitted', async () => {
  const limits = { maxRecordQueue: 3, recordStallTimeoutMs: 5000 };
  const { store, recorder, alerts } = setUp({ limits });
  store.hold();
  recorder.admit();
  const recorded = entries(6).map((entry) => recorder.record(entry));
  assert.throws(() => recorder.admit(), unavailable('queue_full'));
  assert.throws(() => recorder.admit(), unavailable('queue_full'));
  assert.equal(alerts('record.queue_full').length, 1);
  await assert.rejects(recorder.record(sampleEntry()), unavailable('queue_full'));
  assert.equal(alerts('record.entries_lost').length, 1);
  store.release();
  await Promise.all(recorded);
  await recorder.flush();
  recorder.admit();
  assert.deepEqual(recorder.stats(), { written: 6, pending: 0, failed: 0, lost: 1 });
  await recorder.close();
});

test('durable: admits no call while a write hangs', async () => {
  const limits = { maxRecordQueue: 100, recordStallTimeoutMs: 0 };
  const { store, recorder, alerts, changes } = setUp({ limits });
  store.hold();
  const recorded = recorder.record(sampleEntry());
  await once(store.changes, 'append');
  assert.throws(() => recorder.admit(), unavailable('stalled'));
  assert.equal(alerts('record.stalled').length, 1);
  const recovery = once(changes, 'record.recovered');
  store.release();
  await Promise.all([recorded, recovery]);
  recorder.admit();
  await recorder.close();
});

test('what waits during an outage is bounded, and what is lost is told', async () => {
  const limits = { maxRecordQueue: 2, recordStallTimeoutMs: 5000 };
  const { store, recorder, alerts } = setUp({ limits });
  store.fault = 'failed';
  const results = await Promise.allSettled(entries(9).map((entry) => recorder.record(entry)));
  assert.ok(results.every(({ status }) => status === 'rejected'));
  assert.deepEqual(recorder.stats(), { written: 0, pending: 0, failed: 4, lost: 5 });
  assert.equal(alerts('record.entries_lost').length, 1);
  await recorder.close();
  assert.deepEqual(recorder.stats(), { written: 0, pending: 0, failed: 0, lost: 9 });
  assert.equal(alerts('record.incomplete')[0]?.fields?.['lost'], 9);
});

test('async: calls go on without waiting; overflow is counted and told once', async () => {
  const limits = { maxRecordQueue: 4, recordStallTimeoutMs: 0 };
  const { store, recorder, alerts } = setUp({ mode: 'async', limits });
  store.hold();
  const kept = entries(4);
  for (const entry of kept) await recorder.record(entry);
  for (const entry of entries(3)) await recorder.record(entry);
  recorder.admit();
  assert.deepEqual(recorder.stats(), { written: 0, pending: 4, failed: 0, lost: 3 });
  assert.equal(alerts('record.entries_lost').length, 1);
  store.release();
  await recorder.flush();
  assert.deepEqual(store.ids(), idsOf(kept));
  await recorder.close();
});

test('async: a failing store stops no call and is caught up with', async () => {
  const { store, recorder, alerts, changes } = setUp({ mode: 'async' });
  const list = entries(5);
  store.fault = 'failed half way';
  const trouble = once(changes, 'record.unavailable');
  for (const entry of list) await recorder.record(entry);
  await trouble;
  recorder.admit();
  const recovery = once(changes, 'record.recovered');
  store.fault = 'none';
  await recovery;
  assert.deepEqual(store.ids(), idsOf(list));
  assert.equal(alerts('record.unavailable').length, 1);
  await recorder.close();
});

test('off: nothing is recorded and nothing refused', async () => {
  const { recorder } = setUp({ mode: 'off', store: null });
  recorder.admit();
  await recorder.record(sampleEntry());
  await recorder.flush();
  assert.equal(recorder.stats().written, 0);
  await recorder.close();
});

test('close writes what waits, tries a failed write once more, and takes no call after', async () => {
  const { store, recorder } = setUp();
  store.fault = 'failed but persisted';
  const list = entries(3);
  await Promise.allSettled(list.map((entry) => recorder.record(entry)));
  store.fault = 'none';
  await recorder.close();
  await recorder.close();
  assert.deepEqual(store.ids(), idsOf(list));
  assert.equal(store.closed, 1);
  assert.throws(() => recorder.admit(), unavailable('closed'));
  await assert.rejects(recorder.record(sampleEntry()), unavailable('closed'));
});

test('a mode that records needs a store', () => {
  assert.throws(() => setUp({ store: null }), TypeError);
});
