import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { watchFiles } from './watch-files.ts';

const directory = await mkdtemp(join(tmpdir(), 'postern-watch-'));
test.after(() => rm(directory, { recursive: true }));

test('R-05 a file that is written, replaced or removed is looked at', async () => {
  const file = join(directory, 'a.pem');
  await writeFile(file, 'one');
  let looked = Promise.withResolvers<void>();
  const stop = watchFiles([file], { look: () => looked.resolve() });
  const changes = [
    () => writeFile(file, 'two'),
    async () => {
      await writeFile(`${file}.new`, 'three');
      await rename(`${file}.new`, file);
    },
    () => rm(file),
  ];
  for (const change of changes) {
    looked = Promise.withResolvers<void>();
    await change();
    await looked.promise;
  }
  stop();
});

test('R-05 a directory that cannot be watched is told of', () => {
  let told: unknown;
  const stop = watchFiles([join(directory, 'absent', 'a.pem')], {
    look: () => undefined,
    onUnwatched: (error) => {
      told = error;
    },
  });
  stop();
  assert.ok(told instanceof Error);
});

test('R-05 after the end nothing is looked at any more', async () => {
  const file = join(directory, 'b.pem');
  await writeFile(file, 'one');
  const look = (): void => assert.fail('it was looked at');
  const stop = watchFiles([file], { look });
  await writeFile(file, 'two');
  stop();
  const other = Promise.withResolvers<void>();
  const stopOther = watchFiles([file], { look: () => other.resolve() });
  await writeFile(file, 'three');
  await other.promise;
  stopOther();
});
