import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { PRIVATE_MODE, readIdentityFile, writeNewFile } from './files.ts';
import { failure, temporaryDir } from './test-support.ts';

const UNSAFE = 'POSTERN_STATE_FILE_UNSAFE';

test('a new file is complete, private and alone', async (t) => {
  const directory = await temporaryDir(t);
  const path = join(directory, 'a.key');
  await writeNewFile(path, 'secret\n', PRIVATE_MODE);
  assert.equal(await readIdentityFile(path, 'private'), 'secret\n');
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(directory), ['a.key']);
});

test('an existing file is never overwritten, whatever it is', async (t) => {
  const directory = await temporaryDir(t);
  await writeFile(join(directory, 'file'), 'old');
  await symlink('nowhere', join(directory, 'link'));
  for (const name of ['file', 'link']) {
    await assert.rejects(
      writeNewFile(join(directory, name), 'new', PRIVATE_MODE),
      failure('POSTERN_CLIENT_FILE_EXISTS'),
    );
  }
  assert.equal(await readFile(join(directory, 'file'), 'utf8'), 'old');
  assert.deepEqual((await readdir(directory)).toSorted(), ['file', 'link']);
});

test('of writers at the same time exactly one succeeds', async (t) => {
  const directory = await temporaryDir(t);
  const path = join(directory, 'a');
  const writes = ['1', '2', '3', '4'].map((text) => writeNewFile(path, text, PRIVATE_MODE));
  const outcomes = await Promise.allSettled(writes);
  const winner = outcomes.findIndex((outcome) => outcome.status === 'fulfilled');
  assert.equal(outcomes.filter((outcome) => outcome.status === 'fulfilled').length, 1);
  assert.equal(await readFile(path, 'utf8'), String(winner + 1));
  assert.deepEqual(await readdir(directory), ['a']);
});

test('a file that others can reach is refused with the command that mends it', async (t) => {
  const path = join(await temporaryDir(t), 'a');
  await writeFile(path, 'text');
  const cases = [
    ['private', 0o640, 'chmod 600'],
    ['private', 0o604, 'chmod 600'],
    ['public', 0o664, 'chmod 644'],
    ['public', 0o646, 'chmod 644'],
  ] as const;
  for (const [secrecy, mode, command] of cases) {
    await chmod(path, mode);
    await assert.rejects(readIdentityFile(path, secrecy), {
      ...failure(UNSAFE),
      hint: `Run: ${command} ${path}`,
    });
  }
  await chmod(path, 0o644);
  assert.equal(await readIdentityFile(path, 'public'), 'text');
});

test('what is no small regular file is refused without waiting for it', async (t) => {
  const directory = await temporaryDir(t);
  const at = (name: string): string => join(directory, name);
  await writeFile(at('large'), Buffer.alloc(65_537), { mode: 0o600 });
  await symlink('large', at('link'));
  execFileSync('mkfifo', ['-m', '600', at('pipe')]);
  const damaged = failure('POSTERN_IDENTITY_DAMAGED');
  await assert.rejects(readIdentityFile(at('absent'), 'private'), damaged);
  await assert.rejects(readIdentityFile(at('large'), 'private'), damaged);
  await assert.rejects(readIdentityFile(at('link'), 'private'), failure(UNSAFE, /symbolic link/));
  await assert.rejects(readIdentityFile(at('pipe'), 'private'), failure(UNSAFE, /regular file/));
  await assert.rejects(readIdentityFile(directory, 'private'), failure(UNSAFE, /regular file/));
});
