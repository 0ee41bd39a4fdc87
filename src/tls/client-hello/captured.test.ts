/** What real clients send, compared with what they were asked to send. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConnectionOptions } from 'node:tls';
import { helloOfNode, helloOfProgram, whyWithout } from './captured-hello.fixture.ts';
import type { ClientHello } from './hello.ts';
import { HelloReader } from './reader.ts';

const TLS_1_3 = 0x0304;
const TLS_1_2 = 0x0303;
const TLS_1_1 = 0x0302;
const X25519_MLKEM768 = 0x11ec;
const SECP384R1_MLKEM1024 = 0x11ed;
const X25519 = 0x001d;
const SECP256R1 = 0x0017;
const ML_DSA_65 = 0x0905;
const ECDSA_P256 = 0x0403;
const RSA_PSS_SHA256 = 0x0804;
const AES_256_GCM_SHA384 = 0x1302;
const ECDHE_RSA_AES_128_GCM = 0xc02f;

function read(bytes: Buffer): ClientHello {
  const progress = new HelloReader(65_536).push(bytes);
  assert.equal(progress.kind, 'complete', JSON.stringify(progress));
  return progress.hello;
}

const NODE: readonly (readonly [string, ConnectionOptions, Partial<ClientHello>])[] = [
  [
    'one hybrid group',
    { ecdhCurve: 'X25519MLKEM768' },
    {
      legacyVersion: TLS_1_2,
      supportedVersions: [TLS_1_3, TLS_1_2],
      supportedGroups: [X25519_MLKEM768],
      keyShareGroups: [X25519_MLKEM768],
      serverName: null,
      alpn: [],
      sessionIdLength: 32,
      certificateSignatureAlgorithms: null,
      hasPreSharedKey: false,
      hasEarlyData: false,
      hasEncryptedClientHello: false,
      greasePresent: false,
    },
  ],
  [
    'tuples of groups',
    { ecdhCurve: 'X25519MLKEM768:SecP384r1MLKEM1024/X25519:P-256' },
    {
      supportedGroups: [X25519_MLKEM768, SECP384R1_MLKEM1024, X25519, SECP256R1],
      keyShareGroups: [X25519_MLKEM768],
    },
  ],
  [
    'key shares for two groups',
    { ecdhCurve: '*X25519:*X25519MLKEM768' },
    {
      supportedGroups: [X25519, X25519_MLKEM768],
      keyShareGroups: [X25519, X25519_MLKEM768],
    },
  ],
  [
    'P-256 alone',
    { ecdhCurve: 'P-256' },
    { supportedGroups: [SECP256R1], keyShareGroups: [SECP256R1] },
  ],
  [
    'TLS 1.3 alone, one cipher suite and two signature algorithms',
    { ciphers: 'TLS_AES_256_GCM_SHA384', sigalgs: 'mldsa65:ecdsa_secp256r1_sha256' },
    {
      supportedVersions: [TLS_1_3],
      cipherSuites: [AES_256_GCM_SHA384],
      signatureAlgorithms: [ML_DSA_65, ECDSA_P256],
    },
  ],
  [
    'TLS 1.2 alone',
    { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256', ecdhCurve: 'X25519:P-256' },
    {
      legacyVersion: TLS_1_2,
      supportedVersions: [TLS_1_2],
      cipherSuites: [ECDHE_RSA_AES_128_GCM],
      supportedGroups: [X25519, SECP256R1],
      keyShareGroups: [],
      sessionIdLength: 0,
    },
  ],
  [
    'TLS 1.1 alone',
    { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' },
    { legacyVersion: TLS_1_1, supportedVersions: [TLS_1_1], signatureAlgorithms: [] },
  ],
  [
    'a server name and protocols',
    { servername: 'agent.example', ALPNProtocols: ['h2', 'http/1.1'] },
    { serverName: 'agent.example', alpn: ['h2', 'http/1.1'] },
  ],
  [
    'a pre-shared key',
    { pskCallback: () => ({ psk: Buffer.alloc(32, 1), identity: 'agent' }) },
    { hasPreSharedKey: true, supportedVersions: [TLS_1_3, TLS_1_2] },
  ],
];

for (const [what, options, expected] of NODE) {
  test(`R-08 reads what Node offers with ${what}`, async () => {
    assert.partialDeepStrictEqual(read(await helloOfNode(options)), expected);
  });
}

test('R-08 lists the extensions in the order in which Node sends them', async () => {
  const { extensions } = read(await helloOfNode({ servername: 'agent.example' }));
  const withoutName = read(await helloOfNode()).extensions;
  assert.ok(extensions.includes(0));
  assert.deepEqual(
    extensions.filter((type) => type !== 0),
    withoutName,
  );
  for (const type of [10, 13, 43, 51]) assert.ok(withoutName.includes(type), `extension ${type}`);
});

const openssl = { skip: whyWithout('openssl') };
const curl = { skip: whyWithout('curl') };

test('R-08 reads what openssl s_client offers with TLS 1.3', openssl, async () => {
  const bytes = await helloOfProgram(
    (port) =>
      `openssl s_client -connect 127.0.0.1:${port} -tls1_3 -servername agent.example ` +
      '-alpn h2,http/1.1 -groups P-256:X25519 -sigalgs ECDSA+SHA256:RSA-PSS+SHA256 ' +
      '-ciphersuites TLS_AES_256_GCM_SHA384',
  );
  const hello = read(bytes);
  assert.partialDeepStrictEqual(hello, {
    legacyVersion: TLS_1_2,
    supportedVersions: [TLS_1_3],
    supportedGroups: [SECP256R1, X25519],
    signatureAlgorithms: [ECDSA_P256, RSA_PSS_SHA256],
    serverName: 'agent.example',
    alpn: ['h2', 'http/1.1'],
  });
  assert.equal(hello.cipherSuites[0], AES_256_GCM_SHA384);
  assert.equal(hello.keyShareGroups[0], SECP256R1);
});

test('R-08 reads what openssl s_client offers with TLS 1.2', openssl, async () => {
  const bytes = await helloOfProgram(
    (port) =>
      `openssl s_client -connect 127.0.0.1:${port} -tls1_2 -noservername ` +
      '-cipher ECDHE-RSA-AES128-GCM-SHA256 -groups X25519',
  );
  const hello = read(bytes);
  assert.partialDeepStrictEqual(hello, {
    supportedVersions: [TLS_1_2],
    supportedGroups: [X25519],
    keyShareGroups: [],
    serverName: null,
    alpn: [],
  });
  assert.equal(hello.cipherSuites[0], ECDHE_RSA_AES_128_GCM);
});

test('R-08 reads what curl offers, by name and by address', curl, async () => {
  const named = await helloOfProgram(
    (port) =>
      'curl --silent --insecure --noproxy * --http1.1 ' +
      `--resolve agent.example:${port}:127.0.0.1 https://agent.example:${port}/`,
  );
  assert.partialDeepStrictEqual(read(named), { serverName: 'agent.example', alpn: ['http/1.1'] });
  const addressed = await helloOfProgram(
    (port) =>
      `curl --silent --insecure --noproxy * --no-alpn --tls-max 1.2 https://127.0.0.1:${port}/`,
  );
  const hello = read(addressed);
  assert.partialDeepStrictEqual(hello, { serverName: null, alpn: [], keyShareGroups: [] });
  assert.equal(Math.max(...hello.supportedVersions), TLS_1_2);
});
