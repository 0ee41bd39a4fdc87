import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Profile } from '#crypto';
import { allProfiles, groupByName, profileByName, signatureByName } from '#crypto';
import type { GatewayIdentity } from '#identity';
import { ensureIdentity } from '#identity';
import { rehearse } from './rehearsal.ts';
import { ownServerTls } from './server-tls.fixture.ts';

let directory: string;
let identity: GatewayIdentity;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'postern-rehearsal-'));
  identity = await ensureIdentity(directory, {
    trustDomain: 'test.example',
    names: [],
    lifetimeMs: 3_600_000,
  });
});
after(() => rm(directory, { recursive: true }));

const hybrid = profileByName('hybrid') ?? assert.fail('no profile');
const run = (profile: Profile) => rehearse(ownServerTls(identity, profile, 'required'));

test('R-05 profiles that work pass, whatever clients have to show', async () => {
  for (const profile of allProfiles()) await run(profile);
  const classical = signatureByName('ECDSA-P256-SHA256') ?? assert.fail('no signature');
  await run({ ...hybrid, signatures: [classical] });
  await run({ ...hybrid, groupTiers: [[groupByName('MLKEM1024') ?? assert.fail('no group')]] });
});

test('R-05 a profile without a certificate of the gateway is refused with the reason', async () => {
  const mlDsa44 = signatureByName('ML-DSA-44') ?? assert.fail('no signature');
  await assert.rejects(run({ ...hybrid, signatures: [mlDsa44] }), {
    code: 'POSTERN_PROFILE_UNUSABLE',
    message: /"hybrid" does not work here: .*signature/,
  });
});

test('R-02 an algorithm that the runtime lacks is found before a client needs it', async () => {
  const group = groupByName('X25519MLKEM768') ?? assert.fail('no group');
  const unknown = { ...group, name: 'X25519MLKEM9000', opensslName: 'X25519MLKEM9000' };
  await assert.rejects(run({ ...hybrid, groupTiers: [[unknown]] }), {
    code: 'POSTERN_PROFILE_UNUSABLE',
  });
  await assert.rejects(run({ ...hybrid, groupTiers: [] }), { code: 'POSTERN_PROFILE_UNUSABLE' });
});
