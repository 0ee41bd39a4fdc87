import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { makeDirectories } from './make-directories.ts';

const home = await mkdtemp(join(tmpdir(), 'postern-directories-'));
test.after(() => rm(home, { recursive: true }));

test('R-10 what is missing is made with the mode, and the topmost of it is told', async () => {
  const deep = join(home, 'a/b/c');
  assert.equal(await makeDirectories(deep, 0o700), join(home, 'a'));
  for (const path of [join(home, 'a'), join(home, 'a/b'), deep]) {
    assert.equal((await stat(path)).mode & 0o777, 0o700);
  }
  assert.equal(await makeDirectories(deep, 0o700), null);
  assert.equal(await makeDirectories('/', 0o700), null);
  const many = [1, 2, 3].map(() => makeDirectories(join(home, 'x/y/z'), 0o700));
  assert.ok((await Promise.all(many)).includes(join(home, 'x')));
});

test('R-10 what cannot be made fails with the reason of the system', async () => {
  const file = join(home, 'file');
  await writeFile(file, '');
  await assert.rejects(makeDirectories(file, 0o700), { code: 'EEXIST' });
  await assert.rejects(makeDirectories(join(file, 'a/b'), 0o700), { code: 'ENOTDIR' });
  await symlink(join(home, 'nowhere'), join(home, 'dangling'));
  await assert.rejects(makeDirectories(join(home, 'dangling'), 0o700), { code: 'EEXIST' });
});

const onLinux = { skip: process.platform !== 'linux' };

test('R-10 where no directories are made it fails at once', onLinux, async () => {
  // In a process of its own: one that hangs here answers to no timer.
  const script = `
    import { makeDirectories } from ${JSON.stringify(join(import.meta.dirname, 'make-directories.ts'))};
    await makeDirectories('/proc/nope/x', 0o700).catch(({ code }) => console.log(code));
  `;
  const child = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', script],
    { timeout: 30_000, killSignal: 'SIGKILL' },
  );
  assert.equal(child.stdout.trim(), 'ENOENT');
});
