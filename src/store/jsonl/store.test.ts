import assert from 'node:assert/strict';
import { once, EventEmitter } from 'node:events';
import {
  appendFile,
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { CallEntry, RecordMode } from '#audit';
import { createRecorder, encodeEntry } from '#audit';
import { sampleEntry } from './entry.fixture.ts';
import { RecordDirectoryUnsafe, RecordFileChanged, RecordStoreFailed } from './errors.ts';
import type { RecordLine } from './read.ts';
import { readRecord } from './read.ts';
import { openJsonlStore } from './store.ts';

const KIB = 1024;

async function newDirectory(t: TestContext): Promise<string> {
  const base = await mkdtemp(join(tmpdir(), 'postern-'));
  t.after(() => rm(base, { recursive: true, force: true }));
  return join(base, 'state', 'record');
}

const open = (directory: string, maxRecordFileBytes = 64 * KIB, durable = true) =>
  openJsonlStore({ directory, durable, limits: { maxRecordFileBytes } });

async function setUp(directory: string, mode: RecordMode = 'durable', maxFileBytes?: number) {
  const told = new EventEmitter();
  const recorder = createRecorder({
    mode,
    store: await open(directory, maxFileBytes, mode === 'durable'),
    limits: { maxRecordQueue: 10_000, recordStallTimeoutMs: 60_000 },
    events: (event) => told.emit(event.name),
  });
  return { recorder, told };
}

async function readAll(directory: string): Promise<RecordLine[]> {
  const lines: RecordLine[] = [];
  for await (const line of readRecord(directory)) lines.push(line);
  return lines;
}

const entriesOf = (lines: readonly RecordLine[]) =>
  lines.flatMap((line) => ('entry' in line ? [line.entry] : []));
const damageOf = (lines: readonly RecordLine[]) =>
  lines.flatMap((line) => ('damage' in line ? [line.damage] : []));

async function onlyFile(directory: string): Promise<string> {
  const [name = '', ...others] = await readdir(directory);
  assert.deepEqual(others, []);
  return join(directory, name);
}

test('R-19 the record’s directory and files are its owner’s alone', async (t) => {
  const directory = await newDirectory(t);
  const { recorder } = await setUp(directory);
  await recorder.record(sampleEntry());
  const file = await onlyFile(directory);
  assert.match(file, /\/calls-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{3}Z-[0-9a-f]{6}-000001\.jsonl$/);
  assert.equal((await stat(directory)).mode & 0o777, 0o700);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  await recorder.close();
});

test('a directory that others can enter is refused', async (t) => {
  const directory = await newDirectory(t);
  await mkdir(directory, { recursive: true });
  await chmod(directory, 0o750);
  await assert.rejects(open(directory), RecordDirectoryUnsafe);
  assert.deepEqual(await readdir(directory), []);
});

test('a directory that cannot be made is told before any call', async (t) => {
  const directory = await newDirectory(t);
  await mkdir(join(directory, '..'), { recursive: true });
  await writeFile(directory, 'a file in its place');
  await assert.rejects(open(directory), RecordStoreFailed);
});

test('a store that took nothing leaves no file', async (t) => {
  const directory = await newDirectory(t);
  await (await open(directory)).close();
  assert.deepEqual(await readdir(directory), []);
});

test('R-19 entries of any concurrency come back once, in record order, over many files', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.nat({ max: 3000 }), { maxLength: 30 }), { maxLength: 8 }),
      fc.constantFrom<RecordMode>('durable', 'async'),
      async (bursts, mode) => {
        const directory = await newDirectory(t);
        const { recorder } = await setUp(directory, mode, 4 * KIB);
        const expected: CallEntry[] = [];
        const recorded: Promise<void>[] = [];
        for (const burst of bursts) {
          const entries = burst.map((length) => sampleEntry('x'.repeat(length)));
          expected.push(...entries);
          recorded.push(...entries.map((entry) => recorder.record(entry)));
          await recorded[recorded.length - burst.length];
        }
        await Promise.all(recorded);
        await recorder.close();
        const lines = await readAll(directory);
        assert.deepEqual(entriesOf(lines), expected);
        assert.deepEqual(damageOf(lines), []);
        for (const name of await readdir(directory)) {
          assert.ok((await stat(join(directory, name))).size > 0);
        }
      },
    ),
    { numRuns: 25 },
  );
});

test('a batch of more lines than one system call takes is written whole', async (t) => {
  const directory = await newDirectory(t);
  const store = await open(directory, 1024 * KIB * KIB);
  const entries = Array.from({ length: 5000 }, () => sampleEntry());
  await store.append(entries.map(encodeEntry));
  await store.close();
  assert.deepEqual(entriesOf(await readAll(directory)), entries);
});

test('two gateways on one directory never share a file', async (t) => {
  const directory = await newDirectory(t);
  const both = await Promise.all([setUp(directory), setUp(directory)]);
  const entries = Array.from({ length: 50 }, () => sampleEntry());
  await Promise.all(
    entries.map((entry, index) => both[index % 2 === 0 ? 0 : 1].recorder.record(entry)),
  );
  await Promise.all(both.map(({ recorder }) => recorder.close()));
  const lines = await readAll(directory);
  assert.equal(new Set(lines.map(({ file }) => file)).size, 2);
  assert.deepEqual(
    entriesOf(lines)
      .map(({ id }) => id)
      .toSorted(),
    entries.map(({ id }) => id),
  );
});

test('R-19 a removed directory is noticed before a call is acknowledged, and made again', async (t) => {
  const directory = await newDirectory(t);
  const { recorder, told } = await setUp(directory);
  await recorder.record(sampleEntry());
  const recovery = once(told, 'record.recovered');
  await rm(directory, { recursive: true });
  const entry = sampleEntry();
  await assert.rejects(recorder.record(entry), (thrown: unknown) => {
    assert.ok(thrown instanceof Error && thrown.cause instanceof RecordFileChanged);
    return true;
  });
  await recovery;
  assert.deepEqual(entriesOf(await readAll(directory)), [entry]);
  await recorder.close();
});

test('a directory that is away stops calls until it is back', async (t) => {
  const directory = await newDirectory(t);
  const { recorder, told } = await setUp(directory);
  const first = sampleEntry();
  await recorder.record(first);
  const away = `${directory}-away`;
  await rename(directory, away);
  await rm(await onlyFile(away));
  await writeFile(directory, 'in its place');
  const second = sampleEntry();
  await assert.rejects(recorder.record(second));
  await assert.rejects(recorder.flush());
  assert.throws(() => recorder.admit());
  const recovery = once(told, 'record.recovered');
  await rm(directory);
  await recovery;
  recorder.admit();
  assert.deepEqual(entriesOf(await readAll(directory)), [second]);
  await recorder.close();
});

for (const [what, change] of [
  ['cut', (path: string) => truncate(path, 10)],
  ['written to', (path: string) => appendFile(path, 'forged\n')],
] as const) {
  test(`a file that another program has ${what} is left as it is, and not trusted`, async (t) => {
    const directory = await newDirectory(t);
    const store = await open(directory);
    await store.append([encodeEntry(sampleEntry())]);
    const path = await onlyFile(directory);
    await change(path);
    const [entry, next] = [sampleEntry(), sampleEntry()];
    await assert.rejects(store.append([encodeEntry(entry)]), RecordFileChanged);
    const evidence = await readFile(path);
    await store.append([encodeEntry(entry)]);
    await store.append([encodeEntry(next)]);
    await store.close();
    assert.deepEqual(await readFile(path), evidence);
    assert.equal((await readdir(directory)).length, 2);
    assert.deepEqual(entriesOf(await readAll(directory)).slice(-2), [entry, next]);
  });
}

test('reading tells torn and unreadable lines and goes on', async (t) => {
  const directory = await newDirectory(t);
  const [before, after] = [sampleEntry(), sampleEntry()];
  const first = await open(directory);
  await first.append([encodeEntry(before)]);
  await first.close();
  const path = await onlyFile(directory);
  await appendFile(path, `not json\n${'x'.repeat(3 * KIB * KIB)}\n\n`);
  await appendFile(path, encodeEntry(sampleEntry()).subarray(0, 100));
  const second = await open(directory);
  await second.append([encodeEntry(after)]);
  await second.close();
  await writeFile(join(directory, 'notes.txt'), 'not a record file');
  const lines = await readAll(directory);
  assert.deepEqual(
    lines.map((line) => ('entry' in line ? line.entry.id : `${line.line} ${line.damage}`)),
    [before.id, '2 unreadable', '3 unreadable', '4 unreadable', '5 torn', after.id],
  );
});

test('a missing directory is an empty record', async (t) => {
  assert.deepEqual(await readAll(await newDirectory(t)), []);
});
