import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PosternEvent } from '#lib';
import { replaceFile } from '#lib';
import { formatSealingKeys, parseSealingKeys } from './sealing-file.ts';
import type { SealingKeysOptions } from './sealing-keys.ts';
import { describeSealingKeys, SealingKeys } from './sealing-keys.ts';
import { until } from '../../test/support/until.ts';

const HOUR_MS = 3_600_000;
const UNUSABLE = { code: 'POSTERN_SEALING_KEYS_UNUSABLE' };

async function directoryFor(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'postern-sealing-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

function optionsFor(stateDir: string, more: Partial<SealingKeysOptions> = {}): SealingKeysOptions {
  const events = (): void => undefined;
  return { stateDir, sharedFile: null, maxAgeMs: HOUR_MS, keepMs: HOUR_MS, events, ...more };
}

const line = (): string => `${randomBytes(32).toString('base64')}\n`;

test('R-21 keys are made on first use, for their owner alone, and are the same after a restart', async (t) => {
  const stateDir = await directoryFor(t);
  const [one, two] = await Promise.all([
    SealingKeys.open(optionsFor(stateDir)),
    SealingKeys.open(optionsFor(stateDir)),
  ]);
  const token = one.sealer.seal('session', ['alice'], 'text');
  assert.equal(two.sealer.open('session', ['alice'], token), 'text');
  assert.equal((await stat(join(stateDir, 'sealing.keys'))).mode & 0o777, 0o600);
  const later = await SealingKeys.open(optionsFor(stateDir));
  assert.equal(later.sealer.open('session', ['alice'], token), 'text');
});

test('R-21 a key that is old enough is replaced, and opens until its tokens are over', async (t) => {
  const stateDir = await directoryFor(t);
  const path = join(stateDir, 'sealing.keys');
  const hoursAgo = (hours: number): string => new Date(Date.now() - hours * HOUR_MS).toISOString();
  const [long, replaced, newest] = [line().trim(), line().trim(), line().trim()];
  const text = `${newest} ${hoursAgo(2)}\n${replaced} ${hoursAgo(3)}\n${long} ${hoursAgo(9)}\n`;
  await writeFile(path, text, { mode: 0o600 });
  await SealingKeys.open(optionsFor(stateDir, { keepMs: 2.5 * HOUR_MS }));
  const after = (await readFile(path, 'utf8')).trim().split('\n');
  assert.equal(after.length, 3);
  assert.deepEqual(
    after.slice(1).map((each) => each.split(' ')[0]),
    [newest, replaced],
  );
});

test('R-21 changes of a shared file are followed; what cannot be used leaves in force what was', async (t) => {
  const stateDir = await directoryFor(t);
  const sharedFile = join(stateDir, 'shared');
  const [older, newer] = [line(), line()];
  await writeFile(sharedFile, older, { mode: 0o600 });
  const events: PosternEvent[] = [];
  const options = optionsFor(stateDir, { sharedFile, events: (event) => events.push(event) });
  const keys = await SealingKeys.open(options);
  keys.watch();
  t.after(() => keys.close());
  const before = keys.sealer.seal('session', [], 'text');
  await replaceFile(sharedFile, 'not a key\n', 0o600);
  await until('an alert', () => events.some(({ name }) => name === 'sealing.keys_unusable'));
  assert.equal(keys.sealer.open('session', [], before), 'text');
  await replaceFile(sharedFile, newer + older, 0o600);
  await until('a change', () => events.some(({ name }) => name === 'sealing.keys_changed'));
  assert.equal(keys.sealer.open('session', [], before), 'text');
  await replaceFile(sharedFile, newer, 0o600);
  await until('the old key is gone', () => keys.sealer.open('session', [], before) === null);
  assert.ok(!JSON.stringify(events).includes(older.slice(0, 8)));
});

test('R-23 a file that others can read, that is missing or holds no keys stops the start', async (t) => {
  const stateDir = await directoryFor(t);
  const sharedFile = join(stateDir, 'shared');
  const open = () => SealingKeys.open(optionsFor(stateDir, { sharedFile }));
  await assert.rejects(open(), UNUSABLE);
  await writeFile(sharedFile, line(), { mode: 0o600 });
  assert.match(await describeSealingKeys(stateDir, sharedFile), /, 1 to open with$/);
  assert.match(await describeSealingKeys(stateDir, null), /will be made/);
  await chmod(sharedFile, 0o640);
  await assert.rejects(open(), { code: 'POSTERN_STATE_FILE_UNSAFE' });
  await chmod(sharedFile, 0o600);
  for (const text of [
    '',
    '# no key\n',
    'short\n',
    `${line().trim()} yesterday\n`,
    line().repeat(17),
  ]) {
    await writeFile(sharedFile, text);
    await assert.rejects(open(), UNUSABLE);
  }
});

test('R-23 keys are read as they were written, in hex too, and no text is shown', () => {
  const key = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes));
  const madeAtMs = fc.option(fc.integer({ min: 0, max: 4e12 }));
  const keys = fc.array(fc.record({ key, madeAtMs }, { noNullPrototype: true }), {
    minLength: 1,
    maxLength: 16,
  });
  fc.assert(
    fc.property(keys, (some) => {
      assert.deepEqual(parseSealingKeys(formatSealingKeys(some), 'file'), some);
      const hex = some.map((each) => ({ ...each, madeAtMs: null }));
      const text = hex.map((each) => `${each.key.toString('hex')}\r\n`).join('# comment\n\n');
      assert.deepEqual(parseSealingKeys(text, 'file'), hex);
    }),
  );
  assert.throws(
    () => parseSealingKeys('not-to-be-shown', 'file'),
    (thrown: Error) => {
      return !thrown.message.includes('not-to-be-shown');
    },
  );
});
