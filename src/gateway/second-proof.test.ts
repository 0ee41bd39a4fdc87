import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { profileByName } from '#crypto';
import type { GatewayIdentity } from '#identity';
import { CHANNEL_PROOF_HEADER, ensureIdentity, issueClient, proveChannel } from '#identity';
import type { Connection } from './link-book.ts';
import { takeSecondProof } from './second-proof.ts';
import { serverTlsOf } from './tls-control.ts';

let home: string;
let identity: GatewayIdentity;
let partner: GatewayIdentity;

before(async () => {
  home = await mkdtemp(join(tmpdir(), 'postern-second-'));
  const wanted = { trustDomain: 'test.example', names: [], lifetimeMs: 3_600_000 };
  identity = await ensureIdentity(join(home, 'own'), wanted);
  partner = await ensureIdentity(join(home, 'partner'), wanted);
});
after(() => rm(home, { recursive: true }));

/** A connection of the client `agent` to a listener that takes the partner's clients too. */
function connection(crls: readonly string[]): Connection {
  const files = { credentials: null, clientCaPem: partner.caPem, crls };
  const profile = profileByName('hybrid') ?? assert.fail('no profile');
  const tls = serverTlsOf(identity, files, { profile, clientCertificates: 'required' });
  const secret = randomBytes(32);
  return {
    socket: { exportKeyingMaterial: () => secret },
    link: { peer: { spiffeId: 'spiffe://test.example/client/agent' }, secondPeerSignature: null },
    secondPeer: null,
    epoch: { tls },
  } as unknown as Connection;
}

const takes = (demand: 'optional' | 'required', to: Connection, proof?: string) =>
  takeSecondProof(
    to,
    { headers: proof === undefined ? {} : { [CHANNEL_PROOF_HEADER]: proof } } as never,
    { secondProof: demand, refusesPeer: () => null },
  );

async function proofFor({ socket }: Connection, authority: string): Promise<string> {
  const issued = await issueClient(join(home, authority), 'agent', { algorithm: 'ECDSA-P256' });
  return proveChannel(socket, issued);
}

test('R-13 where revocation lists count, a second proof is by the gateway’s own authorities', async () => {
  const without = connection([]);
  assert.equal(takes('optional', without, await proofFor(without, 'partner')), null);
  const listed = connection(['a list']);
  const refusal = takes('optional', listed, await proofFor(listed, 'partner'));
  assert.match(refusal?.message ?? '', /not trusted/);
  assert.equal(takes('optional', listed, await proofFor(listed, 'own')), null);
});

test('R-13 a second proof ends with its certificate', async () => {
  const own = connection([]);
  assert.equal(takes('required', own, await proofFor(own, 'own')), null);
  assert.equal(takes('required', own), null);
  assert.equal(own.link.secondPeerSignature?.name, 'ECDSA-P256-SHA256');
  own.secondPeer = { ...(own.secondPeer ?? assert.fail()), notAfterMs: Date.now() - 1 };
  assert.match(takes('required', own)?.message ?? '', /is missing/);
  assert.equal(own.link.secondPeerSignature, null);
});
