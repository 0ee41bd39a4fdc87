import assert from 'node:assert/strict';
import { chmod, chown, mkdir, stat, symlink, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { defaultStateDir, openStateDir } from './state-dir.ts';
import { failure, temporaryDir } from './test-support.ts';

const UNSAFE = 'POSTERN_STATE_DIR_UNSAFE';

test('the state directory follows POSTERN_HOME, then XDG_STATE_HOME, then the home directory', () => {
  const home = { HOME: '/home/a' };
  assert.equal(defaultStateDir({ ...home, POSTERN_HOME: '/p', XDG_STATE_HOME: '/x' }), '/p');
  assert.equal(defaultStateDir({ ...home, POSTERN_HOME: '', XDG_STATE_HOME: '/x' }), '/x/postern');
  assert.equal(defaultStateDir({ ...home, XDG_STATE_HOME: 'x' }), '/home/a/.local/state/postern');
  assert.equal(defaultStateDir({}), join(homedir(), '.local/state/postern'));
});

test('an absent state directory is created for this user alone, parents too', async (t) => {
  const parent = join(await temporaryDir(t), 'a');
  const directory = await openStateDir(join(parent, 'b/'));
  assert.equal(directory, join(parent, 'b'));
  for (const path of [parent, directory]) assert.equal((await stat(path)).mode & 0o777, 0o700);
  assert.equal(await openStateDir(directory), directory);
});

test('a directory that others can enter is refused with the command that mends it', async (t) => {
  const directory = join(await temporaryDir(t), "it's here");
  await mkdir(directory);
  for (const mode of [0o755, 0o710, 0o701, 0o770]) {
    await chmod(directory, mode);
    await assert.rejects(openStateDir(directory), {
      ...failure(UNSAFE, new RegExp(`mode ${mode.toString(8)}`)),
      hint: `Run: chmod 700 '${directory.replace("'", String.raw`'\''`)}'`,
    });
  }
  await chmod(directory, 0o700);
  await openStateDir(directory);
});

test('what is no directory is refused, links and files', async (t) => {
  const parent = await temporaryDir(t);
  await openStateDir(join(parent, 'real'));
  await symlink('real', join(parent, 'link'));
  await symlink('nowhere', join(parent, 'dangling'));
  await writeFile(join(parent, 'file'), '');
  await assert.rejects(openStateDir(join(parent, 'link/')), failure(UNSAFE, /symbolic link/));
  await assert.rejects(openStateDir(join(parent, 'dangling')), failure(UNSAFE, /symbolic link/));
  await assert.rejects(openStateDir(join(parent, 'file')), failure(UNSAFE, /not a directory/));
  await assert.rejects(
    openStateDir(join(parent, 'file/below')),
    failure('POSTERN_IDENTITY_STORAGE_FAILED'),
  );
});

test(
  'a directory of another user is refused',
  { skip: process.getuid?.() !== 0 && 'only root can give a directory away' },
  async (t) => {
    const directory = await openStateDir(join(await temporaryDir(t), 'state'));
    await chown(directory, 65_534, 65_534);
    await assert.rejects(openStateDir(directory), failure(UNSAFE, /another user/));
  },
);
