import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair } from 'node:stream';
import { after, before, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { connect, createServer } from 'node:tls';
import type { Profile, SignatureScheme } from '#crypto';
import { profileByName, signatureByName, signatureOfKey } from '#crypto';
import type { GatewayIdentity } from '#identity';
import { ensureIdentity } from '#identity';
import type { ClientHello } from './client-hello/hello.ts';
import { HelloReader } from './client-hello/reader.ts';
import { helloOfNode } from './client-hello/captured-hello.fixture.ts';
import { ownSignature } from './own-signature.ts';
import { serverTlsOptions } from './server-options.ts';
import { ownServerTls } from './server-tls.fixture.ts';

let directory: string;
let identity: GatewayIdentity;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'postern-own-'));
  identity = await ensureIdentity(directory, {
    trustDomain: 'test.example',
    names: [],
    lifetimeMs: 3_600_000,
  });
});
after(() => rm(directory, { recursive: true }));

const scheme = (name: string): SignatureScheme => signatureByName(name) ?? assert.fail(name);
const hybrid = profileByName('hybrid') ?? assert.fail('no profile');
const CLASSICAL_FIRST: Profile = {
  ...hybrid,
  signatures: [scheme('ECDSA-P256-SHA256'), scheme('ML-DSA-65')],
};

const SIGALGS = [
  'mldsa65',
  'mldsa87:mldsa65',
  'ecdsa_secp256r1_sha256',
  'ecdsa_secp256r1_sha256:mldsa65',
  'ed25519:rsa_pss_rsae_sha256:ecdsa_secp384r1_sha384:ecdsa_secp256r1_sha256',
  'mldsa44:mldsa87:ecdsa_secp256r1_sha256',
];

/** The server's socket after a handshake with a client that accepts these signatures. */
async function afterHandshake(sigalgs: string, profile: Profile): Promise<TLSSocket> {
  const server = createServer(serverTlsOptions(ownServerTls(identity, profile)));
  const [near, far] = duplexPair();
  const secured = once(server, 'secureConnection') as Promise<[TLSSocket]>;
  server.emit('connection', near);
  const checkServerIdentity = () => undefined;
  connect({ socket: far, ca: identity.caPem, sigalgs, checkServerIdentity });
  const [socket] = await secured;
  return socket;
}

async function helloOf(sigalgs: string): Promise<ClientHello> {
  const progress = new HelloReader(65_536).push(await helloOfNode({ sigalgs }));
  assert.ok(progress.kind === 'complete');
  return progress.hello;
}

for (const sigalgs of SIGALGS) {
  test(`R-04 the own signature is that of the certificate that was shown: ${sigalgs}`, async () => {
    const hello = await helloOf(sigalgs);
    for (const profile of [hybrid, CLASSICAL_FIRST]) {
      const socket = await afterHandshake(sigalgs, profile);
      const key = socket.getX509Certificate()?.publicKey ?? assert.fail('no certificate');
      const shown = signatureOfKey(key);
      assert.ok(shown !== undefined);
      assert.equal(ownSignature(socket, hello, identity), shown);
      const restricted = { ...hello, certificateSignatureAlgorithms: hello.signatureAlgorithms };
      assert.equal(ownSignature(socket, restricted, identity), shown);
      const nothing = { ...identity, credentials: [] };
      assert.equal(
        ownSignature(socket, hello, nothing),
        shown,
        'the certificate has the last word',
      );
      socket.destroy();
    }
  });
}
