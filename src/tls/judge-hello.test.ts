/** The judgement of a hello, beside what OpenSSL makes of the same offer. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import { after, before, test } from 'node:test';
import type { ConnectionOptions } from 'node:tls';
import { connect, createServer } from 'node:tls';
import type { Profile } from '#crypto';
import { profileByName, signatureByName } from '#crypto';
import type { GatewayIdentity } from '#identity';
import { ensureIdentity } from '#identity';
import { HelloReader } from './client-hello/reader.ts';
import type { HelloRefusal } from './judge-hello.ts';
import { refusalOfHello } from './judge-hello.ts';
import { serverTlsOptions } from './server-options.ts';
import { ownServerTls } from './server-tls.fixture.ts';

let directory: string;
let identity: GatewayIdentity;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'postern-judge-'));
  identity = await ensureIdentity(directory, {
    trustDomain: 'test.example',
    names: [],
    lifetimeMs: 3_600_000,
  });
});
after(() => rm(directory, { recursive: true }));

const builtIn = (name: string): Profile => profileByName(name) ?? assert.fail(name);
const mlDsa65 = signatureByName('ML-DSA-65') ?? assert.fail('no signature');
const PROFILES: readonly Profile[] = [
  builtIn('hybrid'),
  builtIn('transition'),
  builtIn('strict'),
  { ...builtIn('hybrid'), name: 'ML-DSA alone', signatures: [mlDsa65] },
];

const OFFERS: Readonly<Record<string, ConnectionOptions>> = {
  'what Node offers by default': {},
  'one hybrid group': { ecdhCurve: 'X25519MLKEM768' },
  'another hybrid group': { ecdhCurve: 'SecP256r1MLKEM768' },
  'a hybrid group without a share for it': { ecdhCurve: '*X25519:X25519MLKEM768' },
  'a classical group': { ecdhCurve: 'X25519' },
  'a classical group that nobody allows': { ecdhCurve: 'P-521' },
  'a pure ML-KEM group': { ecdhCurve: 'MLKEM768' },
  'ML-DSA alone': { ecdhCurve: 'X25519MLKEM768', sigalgs: 'mldsa65' },
  'a larger ML-DSA alone': { ecdhCurve: 'X25519MLKEM768', sigalgs: 'mldsa87:mldsa65' },
  'ECDSA alone': { ecdhCurve: 'X25519MLKEM768', sigalgs: 'ecdsa_secp256r1_sha256' },
  'RSA alone': { ecdhCurve: 'X25519MLKEM768', sigalgs: 'rsa_pss_rsae_sha256' },
  'TLS 1.2': { maxVersion: 'TLSv1.2' },
  'one cipher suite': { ciphers: 'TLS_CHACHA20_POLY1305_SHA256' },
  'a cipher suite that nobody allows': { ciphers: 'TLS_AES_128_CCM_SHA256' },
  'HTTP/1.1 after HTTP/2': { ALPNProtocols: ['h2', 'http/1.1'] },
  'HTTP/2 alone': { ALPNProtocols: ['h2'] },
};

/** A client's first flight, and whether OpenSSL finishes the handshake. */
async function attempt(
  options: ConnectionOptions,
  profile: Profile,
): Promise<{ hello: Buffer; succeeds: boolean }> {
  const server = createServer(serverTlsOptions(ownServerTls(identity, profile)));
  const [near, far] = duplexPair();
  const first: Buffer[] = [];
  const relay = duplexPair();
  far.on('data', (chunk: Buffer) => {
    first.push(chunk);
    relay[0].write(chunk);
  });
  relay[0].on('data', (chunk: Buffer) => far.write(chunk));
  const client = connect({
    socket: near,
    ca: identity.caPem,
    checkServerIdentity: () => undefined,
    ...options,
  });
  const failed = once(server, 'tlsClientError').then(() => false);
  server.emit('connection', relay[1]);
  const succeeds = await Promise.race([
    once(client, 'secureConnect').then(
      () => true,
      () => false,
    ),
    failed,
  ]);
  for (const stream of [near, far, ...relay]) stream.destroy();
  return { hello: first[0] ?? Buffer.alloc(0), succeeds };
}

function judge(hello: Buffer, profile: Profile): HelloRefusal | null {
  const progress = new HelloReader(65_536).push(hello);
  assert.equal(progress.kind, 'complete', JSON.stringify(progress));
  return refusalOfHello(progress.hello, profile);
}

for (const [offer, options] of Object.entries(OFFERS)) {
  test(`R-08 ${offer}: the judgement is that of OpenSSL under every profile`, async () => {
    for (const profile of PROFILES) {
      const { hello, succeeds } = await attempt(options, profile);
      const refusal = judge(hello, profile);
      assert.equal(refusal === null, succeeds, `${profile.name}: ${JSON.stringify(refusal)}`);
    }
  });
}

test('R-08 the alert tells a client that is too weak from one that has nothing in common', async () => {
  const alertOf = async (options: ConnectionOptions, profile: Profile) =>
    judge((await attempt(options, profile)).hello, profile)?.alert;
  const [hybrid, transition, , mlDsaAlone] = PROFILES as [Profile, Profile, Profile, Profile];
  const classical = { ecdhCurve: 'X25519:P-256' };
  assert.equal(await alertOf(classical, hybrid), 'insufficient_security');
  assert.equal(await alertOf({ ecdhCurve: 'P-521' }, transition), 'handshake_failure');
  assert.equal(await alertOf({ ecdhCurve: 'MLKEM768' }, hybrid), 'handshake_failure');
  const ecdsa = { ecdhCurve: 'X25519MLKEM768', sigalgs: 'ecdsa_secp256r1_sha256' };
  assert.equal(await alertOf(ecdsa, mlDsaAlone), 'insufficient_security');
  const rsa = { ecdhCurve: 'X25519MLKEM768', sigalgs: 'rsa_pss_rsae_sha256' };
  assert.equal(await alertOf(rsa, hybrid), 'handshake_failure');
  assert.equal(await alertOf({ maxVersion: 'TLSv1.2' }, hybrid), 'protocol_version');
});
