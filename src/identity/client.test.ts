import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { issueClient } from './client.ts';
import { writeClientFiles } from './client-files.ts';
import { ensureIdentity } from './identity.ts';
import { spiffeIdOfCertificate } from './spiffe.ts';
import { failure, LIFETIME_MS, temporaryDir } from './test-support.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

let state: string;

before(async () => {
  state = await mkdtemp(join(tmpdir(), 'postern-identity-'));
  await ensureIdentity(state, { trustDomain: 'example.org', names: [], lifetimeMs: LIFETIME_MS });
});

after(() => rm(state, { recursive: true, force: true }));

test('R-13 a client gets a key, a certificate of its algorithm and the roots', async () => {
  const cases = [
    [{}, 'ml-dsa-65', 90],
    [{ algorithm: 'ML-DSA-65', days: 1 }, 'ml-dsa-65', 1],
    [{ algorithm: 'ML-DSA-87' }, 'ml-dsa-87', 90],
    [{ algorithm: 'ECDSA-P256', days: 365 }, 'ec', 365],
  ] as const;
  for (const [options, keyType, days] of cases) {
    const issued = await issueClient(state, 'agent-1', options);
    const key = createPrivateKey(issued.keyPem);
    const leaf = new X509Certificate(issued.chainPem);
    assert.equal(key.asymmetricKeyType, keyType);
    assert.ok(leaf.checkPrivateKey(key));
    assert.equal(issued.spiffeId, 'spiffe://example.org/client/agent-1');
    assert.equal(spiffeIdOfCertificate(leaf), issued.spiffeId);
    assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.2']);
    assert.equal(leaf.validToDate.getTime(), issued.notAfterMs);
    assert.ok(Math.abs(issued.notAfterMs - Date.now() - days * DAY_MS) < 60_000);
    assert.equal(issued.chainPem.match(/^-----END CERTIFICATE-----$/gm)?.length, 2);
    assert.equal(issued.caPem, await readFile(join(state, 'identity/ca.crt'), 'utf8'));
  }
});

test('names and lifetimes that cannot be are refused', async () => {
  const names = ['', 'A', '-a', '.', '..', 'a/b', 'a b', 'a\n', 'ä', 'a'.repeat(64)];
  for (const name of [...names, 'anonymous', 'gateway', 'ca']) {
    await assert.rejects(issueClient(state, name), failure('POSTERN_CLIENT_NAME_INVALID'), name);
  }
  for (const days of [0, -1, 1.5, 366, NaN, Infinity]) {
    await assert.rejects(
      issueClient(state, 'a', { days }),
      failure('POSTERN_CLIENT_LIFETIME_INVALID'),
    );
  }
});

test('a client needs an identity to be issued by', async (t) => {
  await assert.rejects(
    issueClient(await temporaryDir(t), 'a'),
    failure('POSTERN_IDENTITY_MISSING'),
  );
});

test('client files are written once and share the roots', async (t) => {
  const directory = join(await temporaryDir(t), 'clients');
  const a = await issueClient(state, 'a');
  const files = await writeClientFiles(directory, a);
  assert.deepEqual(files, {
    keyFile: join(directory, 'a.key'),
    certificateFile: join(directory, 'a.crt'),
    caFile: join(directory, 'ca.crt'),
  });
  assert.equal(await readFile(files.keyFile, 'utf8'), a.keyPem);
  assert.equal(await readFile(files.certificateFile, 'utf8'), a.chainPem);
  assert.equal(await readFile(files.caFile, 'utf8'), a.caPem);
  assert.equal((await stat(files.keyFile)).mode & 0o777, 0o600);
  assert.equal((await stat(directory)).mode & 0o777, 0o700);

  await writeClientFiles(directory, await issueClient(state, 'b'));
  const again = await issueClient(state, 'a');
  await assert.rejects(
    writeClientFiles(directory, again),
    failure('POSTERN_CLIENT_FILE_EXISTS', /a\.key/),
  );
  assert.equal(await readFile(files.keyFile, 'utf8'), a.keyPem);
  assert.deepEqual(await readdir(directory), ['a.crt', 'a.key', 'b.crt', 'b.key', 'ca.crt']);
});

test('client files are written all or none', async (t) => {
  const directory = await temporaryDir(t);
  await writeFile(join(directory, 'ca.crt'), 'another gateway’s roots');
  await assert.rejects(
    writeClientFiles(directory, await issueClient(state, 'a')),
    failure('POSTERN_CLIENT_FILE_EXISTS', /ca\.crt/),
  );
  assert.deepEqual(await readdir(directory), ['ca.crt']);
});
