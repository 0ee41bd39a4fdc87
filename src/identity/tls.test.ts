/** The identity in real TLS handshakes, and before an older OpenSSL. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { ConnectionOptions, TlsOptions } from 'node:tls';
import type { ClientAlgorithm } from './client.ts';
import { issueClient } from './client.ts';
import { writeClientFiles } from './client-files.ts';
import type { GatewayIdentity } from './identity.ts';
import { ensureIdentity } from './identity.ts';
import { issueCertificate } from './issue.ts';
import { generateKeys, privatePem } from './keys.ts';
import { validity } from './lifetimes.ts';
import { loadIdentity } from './load-identity.ts';
import { formatSpiffeId } from './spiffe.ts';
import { credentialOf, handshakeWith, LIFETIME_MS, PREFERRED } from './test-support.ts';

const WANTED = { trustDomain: 'example.org', names: [], lifetimeMs: LIFETIME_MS };
const CLASSICAL = 'ecdsa_secp256r1_sha256';

let state: string;
let gateway: GatewayIdentity;

before(async () => {
  state = await mkdtemp(join(tmpdir(), 'postern-identity-'));
  gateway = await ensureIdentity(state, WANTED);
});

after(() => rm(state, { recursive: true, force: true }));

test('R-04 peers with ML-DSA verify the ML-DSA chain, others the classical one', async () => {
  const cases = [
    [PREFERRED, 'ML-DSA-65'],
    [`${CLASSICAL}:mldsa87:mldsa65`, 'ML-DSA-65'],
    ['mldsa87', 'ML-DSA-87'],
    [CLASSICAL, 'ecdsa-with-SHA256'],
  ] as const;
  for (const [sigalgs, algorithm] of cases) {
    for (const servername of ['localhost', undefined]) {
      const seen = await handshake({}, { sigalgs, ...(servername && { servername }) });
      assert.equal(seen.clientVerified, true);
      assert.equal(seen.group, 'X25519MLKEM768');
      assert.equal(seen.shownByServer, algorithm);
    }
  }
});

test('a peer refuses the gateway under a name that its certificate lacks', async () => {
  await assert.rejects(handshake({}, { servername: 'other.example.org' }), {
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  });
});

test('a peer that trusts another gateway’s roots refuses this one', async (t) => {
  const other = await mkdtemp(join(tmpdir(), 'postern-identity-'));
  t.after(() => rm(other, { recursive: true, force: true }));
  const { caPem } = await ensureIdentity(other, WANTED);
  for (const sigalgs of [PREFERRED, CLASSICAL]) {
    await assert.rejects(handshake({}, { sigalgs, ca: caPem }), /unable to (get|verify)/);
  }
});

test('R-13 the gateway verifies its clients, ML-DSA and ECDSA', async () => {
  const cases: [ClientAlgorithm, string, string][] = [
    ['ML-DSA-65', PREFERRED, 'ML-DSA-65'],
    ['ML-DSA-87', PREFERRED, 'ML-DSA-87'],
    ['ECDSA-P256', PREFERRED, 'ecdsa-with-SHA256'],
    ['ECDSA-P256', CLASSICAL, 'ecdsa-with-SHA256'],
  ];
  for (const [algorithm, sigalgs, signature] of cases) {
    const client = await issueClient(state, 'agent', { algorithm });
    const seen = await handshake({ requestCert: true }, { sigalgs, ...credentialOf(client) });
    assert.equal(seen.serverVerified, true);
    assert.equal(seen.clientSpiffeId, 'spiffe://example.org/client/agent');
    assert.equal(seen.shownByClient, signature);
  }
});

test('a client of another gateway does not verify, whatever its SPIFFE id says', async (t) => {
  const other = await mkdtemp(join(tmpdir(), 'postern-identity-'));
  t.after(() => rm(other, { recursive: true, force: true }));
  await ensureIdentity(other, WANTED);
  for (const algorithm of ['ML-DSA-65', 'ECDSA-P256'] as const) {
    const stranger = credentialOf(await issueClient(other, 'agent', { algorithm }));
    const seen = await handshake({ requestCert: true, rejectUnauthorized: false }, stranger);
    assert.equal(seen.clientSpiffeId, 'spiffe://example.org/client/agent');
    assert.equal(seen.serverVerified, false);
  }
});

test('R-13 an authority cannot certify a name of another trust domain', async () => {
  const stored = (await loadIdentity(state, Date.now())) ?? assert.fail('no identity');
  for (const { spec, issuing } of stored.chains) {
    for (const trustDomain of ['example.org', 'other.org', 'sub.example.org']) {
      const { privateKey, publicKey } = generateKeys(spec.leaf);
      const certificate = await issueCertificate(
        {
          role: 'client',
          commonName: 'agent',
          publicKey,
          spiffeId: formatSpiffeId(trustDomain, 'client', 'agent'),
          names: [],
          ...validity(Date.now(), LIFETIME_MS),
        },
        issuing,
      );
      const seen = await handshake(
        { requestCert: true, rejectUnauthorized: false },
        {
          key: privatePem(privateKey),
          cert: certificate.toString() + issuing.certificate.toString(),
        },
      );
      assert.equal(
        seen.serverVerified,
        trustDomain === 'example.org',
        `${spec.name} ${trustDomain}`,
      );
    }
  }
});

test('a client certificate does not make a server', async () => {
  const client = await issueClient(state, 'agent');
  await assert.rejects(handshake(credentialOf(client), {}), /purpose|key usage/i);
});

test(
  'OpenSSL 3.0 verifies the classical chains strictly, with the roots of all in one file',
  { skip: spawnSync('openssl', ['version']).status !== 0 && 'openssl is not installed' },
  async () => {
    const clients = join(state, 'clients');
    const options = { algorithm: 'ECDSA-P256' } as const;
    const files = await writeClientFiles(clients, await issueClient(state, 'a', options));
    const issuing = join(state, 'issuing.crt');
    const stored = (await loadIdentity(state, Date.now())) ?? assert.fail('no identity');
    await writeFile(issuing, stored.chains.at(-1)?.issuing.certificate.toString() ?? '');
    const leaf = join(state, 'gateway.crt');
    await writeFile(leaf, gateway.credentials.at(-1)?.chainPem ?? '');
    verify('sslserver', issuing, '-verify_hostname', 'localhost', leaf);
    verify('sslserver', issuing, '-verify_ip', '127.0.0.1', leaf);
    verify('sslclient', files.certificateFile, files.certificateFile);
  },
);

function verify(purpose: string, untrusted: string, ...rest: readonly string[]): void {
  const trust = ['-x509_strict', '-CAfile', gateway.caFile, '-untrusted', untrusted];
  const output = execFileSync('openssl', ['verify', ...trust, '-purpose', purpose, ...rest]);
  assert.match(output.toString(), /: OK\n$/);
}

/** One handshake with the gateway's credentials; rejects with the failure of the client's side. */
function handshake(
  server: TlsOptions,
  client: ConnectionOptions,
): ReturnType<typeof handshakeWith> {
  return handshakeWith(gateway, server, client);
}
