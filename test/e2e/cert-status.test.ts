import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ensureIdentity } from '#identity';

const LAUNCHER = join(import.meta.dirname, '../../bin/postern.js');

interface Status {
  readonly ok: boolean;
  readonly authorities: readonly { readonly name: string; readonly daysLeft: number }[];
}

function run(
  ...args: readonly string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [LAUNCHER, ...args], (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

test('R-21 cert status tells what ends when', async (t) => {
  const state = await mkdtemp(join(tmpdir(), 'postern-status-'));
  t.after(() => rm(state, { recursive: true }));
  const missing = await run('cert', 'status', '--state', state);
  assert.equal(missing.code, 78);
  assert.match(missing.stderr, /holds no identity/);

  await ensureIdentity(state, { trustDomain: 'example.org', names: [], lifetimeMs: 60_000 });
  const { code, stdout } = await run('cert', 'status', '--state', state, '--json');
  assert.equal(code, 0);
  const { ok, authorities } = JSON.parse(stdout) as Status;
  assert.equal(ok, true);
  assert.deepEqual(
    authorities.map(({ name }) => name.replace(/ [0-9a-f]{8}$/, '')),
    ['pq', 'cnsa2', 'classical'].flatMap((chain) => [
      `Postern ${chain} root ${chain === 'classical' ? 'ECDSA-P256-SHA256' : 'ML-DSA-87'}`,
      `Postern ${chain} issuing ${{ pq: 'ML-DSA-65', cnsa2: 'ML-DSA-87' }[chain] ?? 'ECDSA-P256-SHA256'}`,
    ]),
  );
  assert.ok(authorities.every(({ daysLeft }) => daysLeft > 720));
  assert.match(
    (await run('cert', 'status', '--state', state)).stdout,
    /Postern pq issuing ML-DSA-65/,
  );
});
