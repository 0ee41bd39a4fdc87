import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import type { Channel } from './channel-proof.ts';
import { proveChannel, verifyChannelProof } from './channel-proof.ts';
import type { IssuedClient } from './client.ts';
import { issueClient } from './client.ts';
import type { GatewayIdentity } from './identity.ts';
import { ensureIdentity } from './identity.ts';

let home: string;
let identity: GatewayIdentity;
let strange: GatewayIdentity;
let agent: IssuedClient;
let spiffeId: string;
before(async () => {
  home = await mkdtemp(join(tmpdir(), 'postern-proof-'));
  const wanted = { trustDomain: 'test.example', names: [], lifetimeMs: 3_600_000 };
  identity = await ensureIdentity(join(home, 'own'), wanted);
  strange = await ensureIdentity(join(home, 'strange'), wanted);
  agent = await issueClient(join(home, 'own'), 'agent', { algorithm: 'ECDSA-P256' });
  ({ spiffeId } = agent);
});
after(() => rm(home, { recursive: true }));

/** What both ends of a TLS channel can derive; that real ends agree is tested with real gateways. */
function channel(): Channel {
  const secret = randomBytes(32);
  return { exportKeyingMaterial: () => secret };
}

const expected = () => ({ rootsPem: identity.caPem, spiffeId, nowMs: Date.now() });
const invalid = (message: RegExp) => ({ code: 'POSTERN_CHANNEL_PROOF_INVALID', message });

test('R-13 R-04 a classical proof holds on its channel, and tells with what it was signed', () => {
  const own = channel();
  const proof = proveChannel(own, agent);
  assert.equal(verifyChannelProof(proof, own, expected()).scheme.name, 'ECDSA-P256-SHA256');
});

test('R-13 it holds on no other channel, for no other identity, authority or time', async () => {
  const own = channel();
  const proof = proveChannel(own, agent);
  assert.throws(
    () => verifyChannelProof(proof, channel(), expected()),
    invalid(/not of this channel/),
  );
  for (const other of ['spiffe://test.example/client/other', null]) {
    const forOther = { ...expected(), spiffeId: other };
    assert.throws(() => verifyChannelProof(proof, own, forOther), invalid(/same identity/));
  }
  const elsewhere = { ...expected(), rootsPem: strange.caPem };
  assert.throws(() => verifyChannelProof(proof, own, elsewhere), invalid(/not trusted/));
  const later = { ...expected(), nowMs: agent.notAfterMs + 1000 };
  assert.throws(() => verifyChannelProof(proof, own, later), invalid(/out of date/));
});

test('R-13 a post-quantum key gives no second kind of proof', async () => {
  const again = await issueClient(join(home, 'own'), 'agent');
  assert.throws(() => proveChannel(channel(), again), invalid(/neither ECDSA nor Ed25519/));
});

test('R-13 whatever else comes in the header is refused, and nothing worse', () => {
  const own = channel();
  const proof = proveChannel(own, agent);
  const refused = (field: string) =>
    assert.throws(() => verifyChannelProof(field, own, expected()), invalid(/./));
  fc.assert(fc.property(fc.string({ maxLength: 200 }), refused));
  fc.assert(
    fc.property(
      fc.nat(proof.length - 1),
      fc.constantFrom('A', 'B', '+', '=', ':', ' '),
      (at, put) => {
        fc.pre(proof[at] !== put && !/^={0,2}:/.test(proof.slice(at + 1)));
        refused(proof.slice(0, at) + put + proof.slice(at + 1));
      },
    ),
  );
  refused(proof + proof);
  refused('x'.repeat(20_000));
});
