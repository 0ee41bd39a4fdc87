import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LinkSecurity, TlsLink } from '#crypto';
import { groupByName } from '#crypto';
import type { Policy } from '#policy';
import { readPolicy } from '#policy';
import { permittedLater } from './admission.ts';
import type { Permitted } from './authorize.ts';

const ALL = { id: 'all', effect: 'allow', principals: ['*'] };

function policyOf(...rules: readonly object[]): Policy {
  const reading = readPolicy(JSON.stringify({ rules }), 'policy.yaml');
  assert.ok(reading.ok);
  return reading.policy;
}

const TLS = {
  kind: 'tls',
  group: groupByName('X25519MLKEM768'),
  peer: { serialNumber: '01' },
} as unknown as TlsLink;

function permitOver(clientLink: LinkSecurity): Permitted {
  const principal = { name: 'alice', spiffeId: null, kind: 'certificate' };
  const accesses = [{ kind: 'tool', name: 'read' }];
  return { subject: { principal, server: 'files', clientLink, accesses } } as unknown as Permitted;
}

test('R-13 R-16 what was permitted is asked again under the policy and the revocations of then', () => {
  let policy = policyOf(ALL);
  let revoked: string | null = null;
  const services = { policyNow: () => policy, refusesPeer: () => revoked };
  const overTls = permittedLater(permitOver(TLS), services);
  const inHouse = permittedLater(permitOver({ kind: 'plain', loopback: true }), services);
  const both = (): readonly boolean[] => [overTls(), inHouse()];
  assert.deepEqual(both(), [true, true]);
  revoked = 'its certificate was revoked';
  assert.deepEqual(both(), [false, true]);
  revoked = null;
  policy = policyOf(ALL, { ...ALL, id: 'no', effect: 'deny', tools: ['read'] });
  assert.deepEqual(both(), [false, false]);
  policy = policyOf({ ...ALL, tools: ['read'] });
  assert.deepEqual(both(), [true, true]);
});
