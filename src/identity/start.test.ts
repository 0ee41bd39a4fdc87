/** Starts of whole processes: at the same time, killed half way, and what they print. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { nodeProgram } from '../../test/support/node-program.ts';
import { ensureIdentity } from './identity.ts';
import { openStateDir } from './state-dir.ts';
import { LIFETIME_MS, temporaryDir } from './test-support.ts';

const WANTED = { trustDomain: 'example.org', names: [], lifetimeMs: LIFETIME_MS };

const START = `
  const { ensureIdentity } = await import(process.argv[1]);
  const identity = await ensureIdentity(process.argv[2], JSON.parse(process.argv[3]));
  console.log(JSON.stringify({ created: identity.created, ca: identity.caPem }));
`;

test('of processes that start at the same time one makes the identity and all use it', async (t) => {
  const state = join(await temporaryDir(t), 'state');
  const outputs = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const child = start(t, state);
      const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
      // No warning either, such as Node's about experimental algorithms.
      assert.equal(stderr, '');
      return JSON.parse(stdout) as { created: boolean; ca: string };
    }),
  );
  assert.equal(outputs.filter(({ created }) => created).length, 1);
  assert.equal(new Set(outputs.map(({ ca }) => ca)).size, 1);
  assert.deepEqual(await readdir(state), ['identity']);
});

test('calls in one process agree on one identity as well', async (t) => {
  const state = join(await temporaryDir(t), 'state');
  const identities = await Promise.all(
    Array.from({ length: 3 }, () => ensureIdentity(state, WANTED)),
  );
  assert.equal(identities.filter(({ created }) => created).length, 1);
  assert.equal(new Set(identities.map(({ caPem }) => caPem)).size, 1);
  assert.deepEqual(await readdir(state), ['identity']);
});

test('a start that was killed half way leaves nothing half made', async (t) => {
  const state = await openStateDir(join(await temporaryDir(t), 'state'));
  const child = start(t, state);
  const ended = once(child, 'exit');
  while ((await readdir(state)).length === 0 && child.exitCode === null) await setImmediate();
  child.kill('SIGKILL');
  await ended;
  const before = await readdir(state);
  const identity = await ensureIdentity(state, WANTED);
  assert.equal(identity.created, !before.includes('identity'));
  assert.deepEqual(await readdir(state), ['identity']);
});

test('what an unfinished attempt left is removed, and nothing else', async (t) => {
  const state = await openStateDir(join(await temporaryDir(t), 'state'));
  for (const created of [true, false]) {
    await mkdir(join(state, 'identity.new-abc123/pq'), { recursive: true });
    await writeFile(join(state, 'identity.new-abc123/pq/root.key'), 'half');
    await writeFile(join(state, 'record.log'), '');
    assert.equal((await ensureIdentity(state, WANTED)).created, created);
    assert.deepEqual((await readdir(state)).toSorted(), ['identity', 'record.log']);
  }
});

function start(
  t: TestContext,
  state: string,
): ChildProcess & { stdout: NodeJS.ReadableStream; stderr: NodeJS.ReadableStream } {
  const script = ['--input-type=module', '--eval', START, import.meta.resolve('./index.ts')];
  const { command, args } = nodeProgram(...script, state, JSON.stringify(WANTED));
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  return child;
}
