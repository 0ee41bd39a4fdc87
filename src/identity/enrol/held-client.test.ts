import assert from 'node:assert/strict';
import { chmod, mkdtemp, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { after, before, test } from 'node:test';
import type { IssuedClient } from '../client.ts';
import { issueClient } from '../client.ts';
import type { ClientFiles } from '../client-files.ts';
import { refuseClientFiles, writeClientFiles } from '../client-files.ts';
import { ensureIdentity } from '../identity.ts';
import { failure, LIFETIME_MS, temporaryDir } from '../test-support.ts';
import { readHeldClient } from './held-client.ts';
import { replaceClientFiles } from './replace-files.ts';

const UNUSABLE = 'POSTERN_CLIENT_FILES_UNUSABLE';
const GATEWAY = 'https://gw.example.org:7443';

let state: string;
let first: IssuedClient;
let second: IssuedClient;

before(async () => {
  state = await mkdtemp(join(tmpdir(), 'postern-held-'));
  await ensureIdentity(state, { trustDomain: 'example.org', names: [], lifetimeMs: LIFETIME_MS });
  first = await issueClient(state, 'alice');
  second = await issueClient(state, 'alice');
});
after(() => rm(state, { recursive: true, force: true }));

async function held(t: TestContext): Promise<{ directory: string; files: ClientFiles }> {
  const directory = await temporaryDir(t);
  return { directory, files: await writeClientFiles(directory, first, GATEWAY) };
}

test('R-21 a client identity is read with its gateway, and replaced whole', async (t) => {
  const { directory, files } = await held(t);
  const old = await readHeldClient(files);
  assert.deepEqual(
    [old.name, old.algorithm, old.keyPem, old.gateway],
    ['alice', 'ML-DSA-65', first.keyPem, GATEWAY],
  );
  await replaceClientFiles(files, { ...second, caPem: `${first.caPem}\n` }, first.caPem);
  const now = await readHeldClient(files);
  assert.deepEqual([now.keyPem, now.chainPem], [second.keyPem, second.chainPem]);
  assert.equal(now.caPem, `${first.caPem}\n`);
  assert.deepEqual(await readdir(directory), ['alice.crt', 'alice.json', 'alice.key', 'ca.crt']);
});

test('R-21 a renewal that was cut off between its renames is completed', async (t) => {
  const { directory, files } = await held(t);
  await writeFile(`${files.certificateFile}.next`, second.chainPem);
  await writeFile(`${files.keyFile}.next`, second.keyPem, { mode: 0o600 });
  assert.equal((await readHeldClient(files)).keyPem, first.keyPem, 'nothing was in place yet');
  await rename(`${files.keyFile}.next`, files.keyFile);
  const { keyPem, chainPem } = await readHeldClient(files);
  assert.deepEqual([keyPem, chainPem], [second.keyPem, second.chainPem]);
  assert.equal(await readFile(files.certificateFile, 'utf8'), second.chainPem);
  assert.deepEqual(await readdir(directory), ['alice.crt', 'alice.json', 'alice.key', 'ca.crt']);
});

test('R-21 renewals do not meet, and one that died does not block the next', async (t) => {
  const { files } = await held(t);
  const next = `${files.keyFile}.next`;
  await writeFile(next, second.keyPem, { mode: 0o600 });
  await assert.rejects(
    replaceClientFiles(files, second, first.caPem),
    failure(UNUSABLE, /another renewal/),
  );
  const longAgo = new Date(Date.now() - 3_600_000);
  await utimes(next, longAgo, longAgo);
  await replaceClientFiles(files, second, first.caPem);
  assert.equal((await readHeldClient(files)).keyPem, second.keyPem);
});

test('R-13 files that do not fit, or that others can read, are refused', async (t) => {
  const { files } = await held(t);
  await writeFile(files.certificateFile, second.chainPem);
  await assert.rejects(readHeldClient(files), failure(UNUSABLE, /not the certificate of the key/));
  await chmod(files.keyFile, 0o640);
  await assert.rejects(readHeldClient(files), failure('POSTERN_STATE_FILE_UNSAFE'));
  await rm(files.keyFile);
  await assert.rejects(readHeldClient(files), failure(UNUSABLE, /is missing/));
});

test('R-13 where a client’s files are, no other can be written', async (t) => {
  const { directory } = await held(t);
  await assert.rejects(
    refuseClientFiles(directory, 'alice', first.caPem),
    failure('POSTERN_CLIENT_FILE_EXISTS'),
  );
  await refuseClientFiles(directory, 'bob', first.caPem);
  await assert.rejects(
    refuseClientFiles(directory, 'bob', 'other roots'),
    failure('POSTERN_CLIENT_FILE_EXISTS', /ca\.crt/),
  );
});
