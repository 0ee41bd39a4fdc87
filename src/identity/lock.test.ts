import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { mock, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { alone } from './alone.fixture.ts';
import { withStateLock } from './lock.ts';
import { failure, temporaryDir } from './test-support.ts';

const HOUR_MS = 60 * 60 * 1000;

test('of several changes at the same time one is made after the other', async (t) => {
  const state = await temporaryDir(t);
  let inside = 0;
  const work = async (): Promise<void> => {
    inside += 1;
    for (let turn = 0; turn < 5; turn += 1) await setImmediate();
    assert.equal(inside, 1);
    inside -= 1;
  };
  await Promise.all(Array.from({ length: 6 }, () => withStateLock(state, work)));
  assert.deepEqual(await readdir(state), []);
});

test('threads of one process change one after the other', async (t) => {
  const state = await temporaryDir(t);
  const inside = new Int32Array(new SharedArrayBuffer(8));
  const other = new Worker(new URL('lock-thread.fixture.ts', import.meta.url), {
    workerData: { state, inside },
  });
  const ended = once(other, 'exit');
  await once(other, 'message');
  for (let count = 0; count < 20; count += 1) await withStateLock(state, () => alone(inside));
  assert.deepEqual(await ended, [0]);
  assert.deepEqual([...inside], [0, 0]);
});

test('a change that fails lets the lock go', async (t) => {
  const state = await temporaryDir(t);
  const failed = withStateLock(state, () => Promise.reject(new Error('no room')));
  await assert.rejects(failed, /no room/);
  assert.equal(await withStateLock(state, () => Promise.resolve(1)), 1);
});

test('a lock whose holder is gone is taken over', async (t) => {
  const state = await temporaryDir(t);
  const path = join(state, 'identity.lock');
  const { pid: gone } = spawnSync(process.execPath, ['--version']);
  for (const holder of [
    `${gone} 0011 ${hostname()}\n`,
    // The same id, from before a restart.
    `${process.pid} 0011 ${hostname()}\n`,
    'nonsense',
  ]) {
    await writeFile(path, holder);
    const anHourAgo = new Date(Date.now() - HOUR_MS);
    await utimes(path, anHourAgo, anHourAgo);
    const works = Array.from({ length: 3 }, () => withStateLock(state, () => readFile(path)));
    for (const seen of await Promise.all(works)) assert.notEqual(seen.toString(), holder);
    assert.deepEqual(await readdir(state), []);
  }
});

test(
  'a lock whose holder’s process id belongs to another process by now is taken over',
  { skip: process.platform !== 'linux' && 'only Linux tells when a process began' },
  async (t) => {
    const state = await temporaryDir(t);
    const path = join(state, 'identity.lock');
    const inForce = await withStateLock(state, () => readFile(path, 'utf8'));
    assert.match(inForce, /^\d+ \d+\.[0-9a-f]{16} \S+ \d+\n$/);
    await writeFile(path, `${process.ppid} 0011 ${hostname()} 1\n`);
    assert.equal(await withStateLock(state, () => Promise.resolve(1)), 1);
  },
);

test('whoever cannot get the lock gives up in the end, and says who has it', async (t) => {
  const state = await temporaryDir(t);
  const holder = `1 0011 ${hostname()}\n`;
  await writeFile(join(state, 'identity.lock'), holder);
  const now = performance.now();
  let looks = 0;
  mock.method(performance, 'now', () => now + (looks += 1) * 5000);
  t.after(() => mock.restoreAll());
  await assert.rejects(
    withStateLock(state, () => Promise.resolve()),
    failure('POSTERN_STATE_BUSY', /process 1 holds .*identity\.lock/),
  );
  assert.equal(await readFile(join(state, 'identity.lock'), 'utf8'), holder);
});
