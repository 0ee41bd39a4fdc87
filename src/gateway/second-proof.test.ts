import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { SecondProof } from '#config';
import { profileByName } from '#crypto';
import type { GatewayIdentity } from '#identity';
import { CHANNEL_PROOF_HEADER, ensureIdentity, issueClient, proveChannel } from '#identity';
import { denyAllPolicy } from '#policy';
import type { Connection } from './link-book.ts';
import { takeSecondProof } from './second-proof.ts';
import { stableTls } from './tls-state.ts';

const NO_FILES = {
  certificates: [],
  clientCaFile: null,
  clientCaNames: ['*'],
  clientCrlFile: null,
};

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
function connection(secondProof: SecondProof, crls: readonly string[]): Connection {
  const files = { credentials: null, clientCaPem: partner.caPem, crls };
  const profile = profileByName('hybrid') ?? assert.fail('no profile');
  const settings = { ...NO_FILES, profile, clientCertificates: 'required', secondProof } as const;
  const tls = stableTls('main', {
    identity,
    policy: denyAllPolicy('none'),
    configured: { profiles: [], listeners: new Map([['main', { settings, files }]]) },
    rollouts: new Map(),
  });
  const secret = randomBytes(32);
  return {
    socket: { exportKeyingMaterial: () => secret },
    link: { peer: { spiffeId: 'spiffe://test.example/client/agent' }, secondPeerSignature: null },
    secondPeer: null,
    epoch: { tls },
  } as unknown as Connection;
}

const takes = (to: Connection, proof?: string) =>
  takeSecondProof(
    to,
    { headers: proof === undefined ? {} : { [CHANNEL_PROOF_HEADER]: proof } },
    { refusesPeer: () => null },
  );

async function proofFor({ socket }: Connection, authority: string): Promise<string> {
  const issued = await issueClient(join(home, authority), 'agent', { algorithm: 'ECDSA-P256' });
  return proveChannel(socket, issued);
}

test('R-13 where revocation lists count, a second proof is by the gateway’s own authorities', async () => {
  const without = connection('optional', []);
  assert.equal(takes(without, await proofFor(without, 'partner')), null);
  const listed = connection('optional', ['a list']);
  const refusal = takes(listed, await proofFor(listed, 'partner'));
  assert.match(refusal?.message ?? '', /not trusted/);
  assert.equal(takes(listed, await proofFor(listed, 'own')), null);
});

test('R-13 a second proof ends with its certificate', async () => {
  const own = connection('required', []);
  assert.equal(takes(own, await proofFor(own, 'own')), null);
  assert.equal(takes(own), null);
  assert.equal(own.link.secondPeerSignature?.name, 'ECDSA-P256-SHA256');
  own.secondPeer = { ...(own.secondPeer ?? assert.fail()), notAfterMs: Date.now() - 1 };
  assert.match(takes(own)?.message ?? '', /is missing/);
  assert.equal(own.link.secondPeerSignature, null);
});
