import assert from 'node:assert/strict';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadRollouts, saveRollouts } from './rollout-file.ts';
import { promote, rollBack, stableProfile, start } from './rollout.ts';

const wanted = { profile: 'cnsa2', percent: 10, sticky: true };
const canary = start(undefined, 'hybrid', wanted);

test('R-05 a rollout goes from the canary to all clients and back', () => {
  assert.deepEqual(
    { ...canary, since: '' },
    { ...wanted, configured: 'hybrid', phase: 'canary', since: '', reason: null },
  );
  assert.equal(stableProfile('hybrid', undefined), 'hybrid');
  assert.equal(stableProfile('hybrid', canary), 'hybrid');
  const promoted = promote(canary);
  assert.equal(stableProfile('hybrid', promoted), 'cnsa2');
  const back = rollBack(promoted, null);
  assert.equal(stableProfile('hybrid', back), 'hybrid');
  assert.equal(rollBack(canary, 'why').reason, 'why');
  assert.equal(start(back, 'hybrid', wanted).phase, 'canary');
});

test('R-05 the percentage of a canary can be changed', () => {
  assert.equal(start(canary, 'hybrid', { ...wanted, percent: 50 }).percent, 50);
});

test('R-05 steps that make no sense are refused', () => {
  const refused = { code: 'POSTERN_ROLLOUT_REFUSED' };
  assert.throws(() => start(canary, 'hybrid', { ...wanted, profile: 'strict' }), refused);
  assert.throws(() => start(promote(canary), 'hybrid', wanted), refused);
  assert.throws(() => start(undefined, 'cnsa2', wanted), refused);
  assert.throws(() => promote(undefined), refused);
  assert.throws(() => promote(promote(canary)), refused);
  assert.throws(() => rollBack(promote(canary), 'the canary was worse'), refused);
  assert.throws(() => rollBack(undefined, null), refused);
  assert.throws(() => rollBack(rollBack(canary, null), null), refused);
});

test('R-05 rollouts are read as they were saved, and nothing else is taken for one', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'postern-rollout-'));
  const file = join(directory, 'rollout.json');
  try {
    assert.equal((await loadRollouts(file)).size, 0);
    const rollouts = new Map([['main', promote(canary)]]);
    await saveRollouts(file, rollouts);
    assert.deepEqual(await loadRollouts(file), rollouts);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    for (const text of ['', '{', '[]', '{"version":2,"listeners":{}}', '{"version":1}']) {
      await writeFile(file, text);
      await assert.rejects(loadRollouts(file), { code: 'POSTERN_ROLLOUT_FILE_INVALID' });
    }
  } finally {
    await rm(directory, { recursive: true });
  }
});
