import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { profileByName } from '#crypto';
import { ensureIdentity } from '#identity';
import type { PosternEvent } from '#lib';
import { denyAllPolicy } from '#policy';
import type { EpochPlan } from '#tls';
import type { Listener } from './listener.ts';
import { TlsControl } from './tls-control.ts';

test('R-05 a canary that does worse is rolled back even when that cannot be saved', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'postern-control-'));
  t.after(() => rm(home, { recursive: true }));
  const wanted = { trustDomain: 'test.example', names: [], lifetimeMs: 3_600_000 };
  const identity = await ensureIdentity(home, wanted);
  const policy = denyAllPolicy('none');
  const plans: EpochPlan[] = [];
  const events: PosternEvent[] = [];
  let full = false;
  const listener = { name: 'main', use: (plan: EpochPlan) => void plans.push(plan) };
  const settings = {
    profile: profileByName('hybrid') ?? assert.fail('no profile'),
    clientCertificates: 'optional',
    certificates: [],
    clientCaFile: null,
    clientCaNames: [],
    clientCrlFile: null,
    secondProof: 'off',
  } as const;
  const files = { credentials: null, clientCaPem: '', crls: [] };
  const configured = { profiles: [], listeners: new Map([['main', { settings, files }]]) };
  const control = new TlsControl(
    { identity, policy, configured, rollouts: new Map() },
    {
      listeners: [listener as unknown as Listener],
      events: (event) => void events.push(event),
      announce: async () => undefined,
      save: () => (full ? Promise.reject(new Error('ENOSPC')) : Promise.resolve()),
    },
  );
  await control.startRollout('main', { profile: 'cnsa2', percent: 50, sticky: true });
  assert.equal(plans.at(-1)?.canary?.tls.profile.name, 'cnsa2');

  full = true;
  await assert.rejects(control.promote('main'), /ENOSPC/);
  assert.equal(control.state.rollouts.get('main')?.phase, 'canary');
  await control.rollBack('main', 'most of its handshakes failed');
  assert.equal(plans.at(-1)?.canary, null);
  assert.equal(control.state.rollouts.get('main')?.phase, 'rolled_back');
  assert.ok(
    events.some(({ name, severity }) => name === 'rollout.not_saved' && severity === 'alert'),
  );
});
