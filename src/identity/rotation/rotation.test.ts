/** Rotations of the authorities, in real TLS handshakes with those who know only one side of them. */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { chmod, cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { after, before, test } from 'node:test';
import type { ClientAlgorithm, IssuedClient } from '../client.ts';
import { issueClient } from '../client.ts';
import { createIdentity } from '../create-identity.ts';
import type { GatewayIdentity } from '../identity.ts';
import { ensureIdentity } from '../identity.ts';
import { daysMs } from '../lifetimes.ts';
import { loadIdentity } from '../load-identity.ts';
import { makeAuthorities } from '../make-identity.ts';
import {
  credentialOf,
  failure,
  handshakeWith,
  LIFETIME_MS,
  PREFERRED,
  temporaryDir,
} from '../test-support.ts';
import { Workshop } from '../workshop.ts';
import { rehearseRotation, retirePreviousRoots, rotate, takeRootsOffline } from './change.ts';
import { rehearse } from './rehearse.ts';

const WANTED = { trustDomain: 'example.org', names: [], lifetimeMs: LIFETIME_MS };
const ISSUING = { roots: false, rootKeysDir: null };
const ROOTS = { roots: true, rootKeysDir: null };
const ALGORITHMS: readonly ClientAlgorithm[] = ['ML-DSA-65', 'ML-DSA-87', 'ECDSA-P256'];
const SIGNATURES = ['mldsa65', 'mldsa87', 'ecdsa_secp256r1_sha256'];

/** A state directory that each test gets a copy of: made once, since keys take time. */
let origin: string;

before(async () => {
  origin = await mkdtemp(join(tmpdir(), 'postern-identity-'));
  await ensureIdentity(origin, WANTED);
});

after(() => rm(origin, { recursive: true, force: true }));

test('R-21 after a rotation of issuing CAs the certificates of the old ones go on verifying', async (t) => {
  const state = await newState(t);
  const gatewayBefore = await ensureIdentity(state, WANTED);
  const oldClients = await clientsOf(state);
  const { rehearsed } = await rotate(state, ISSUING);
  assert.equal(rehearsed.length, 9);
  const gateway = await ensureIdentity(state, WANTED);
  assert.equal(gateway.caPem, gatewayBefore.caPem);
  assert.notDeepEqual(issuersOf(gateway), issuersOf(gatewayBefore));
  const newClients = await clientsOf(state);
  await meet(gateway, oldClients, gatewayBefore.caPem);
  await meet(gatewayBefore, newClients, gatewayBefore.caPem);
});

test('R-21 after a rotation of roots all verify who know the old ones, the new ones or both', async (t) => {
  const state = await newState(t);
  const gatewayBefore = await ensureIdentity(state, WANTED);
  const oldClients = await clientsOf(state);
  await rotate(state, ROOTS);
  const gateway = await ensureIdentity(state, WANTED);
  const newClients = await clientsOf(state);
  const newRootsAlone = gateway.caPem.slice(0, gateway.caPem.indexOf(gatewayBefore.caPem));
  assert.ok(newRootsAlone.length > 0 && newRootsAlone + gatewayBefore.caPem === gateway.caPem);
  assert.equal(await readFile(gateway.caFile, 'utf8'), gateway.caPem);
  await meet(gateway, oldClients, gatewayBefore.caPem);
  await meet(gateway, newClients, newRootsAlone);
  await meet(gatewayBefore, newClients, gateway.caPem);
  await meet({ ...gateway, caPem: newRootsAlone }, newClients, gatewayBefore.caPem);
  await assert.rejects(meet(gatewayBefore, oldClients, newRootsAlone), /unable to (get|verify)/);

  await assert.rejects(rotate(state, ROOTS), failure('POSTERN_IDENTITY_ROOTS_IN_TRANSITION'));
  await rotate(state, ISSUING);
  await meet(await ensureIdentity(state, WANTED), oldClients, gatewayBefore.caPem);

  assert.equal(await retirePreviousRoots(state), 3);
  const retired = await ensureIdentity(state, WANTED);
  assert.equal(retired.caPem, newRootsAlone);
  assert.equal(await readFile(retired.caFile, 'utf8'), newRootsAlone);
  await meet(retired, newClients, newRootsAlone);
  await assert.rejects(meet(retired, oldClients, newRootsAlone), /does not verify/);
  await assert.rejects(meet(retired, newClients, gatewayBefore.caPem), /unable to (get|verify)/);
  await assert.rejects(retirePreviousRoots(state), failure('POSTERN_NOTHING_TO_RETIRE'));
  assert.equal((await rotate(state, ROOTS)).rehearsed.length, 9);
});

test('R-21 nothing of an old generation remains, and every file has its mode', async (t) => {
  const state = await newState(t);
  const keys = await privateKeysBelow(state);
  for (const options of [ISSUING, ROOTS]) {
    await rotate(state, options);
    const stored = (await loadIdentity(state, Date.now())) ?? assert.fail('no identity');
    const now = await privateKeysBelow(state);
    assert.equal(now.size, 6);
    for (const path of now.values()) assert.ok(path.includes(`/${stored.generation}/`), path);
    const kept = [...now.keys()].filter((key) => keys.has(key));
    assert.equal(kept.length, options.roots ? 0 : 3);
    await assertModes(state);
  }
});

test('R-21 a rehearsal changes nothing', async (t) => {
  const state = await newState(t);
  const files = await contentsOf(state);
  assert.equal((await rehearseRotation(state, ISSUING)).rehearsed.length, 9);
  assert.equal((await rehearseRotation(state, ROOTS)).rehearsed.length, 9);
  assert.deepEqual(await contentsOf(state), files);
});

test('R-21 authorities with which a handshake fails are not put in force', async (t) => {
  const state = await newState(t);
  const stored = (await loadIdentity(state, Date.now())) ?? assert.fail('no identity');
  const strangers = await makeAuthorities({ trustDomain: 'example.org', nowMs: Date.now() });
  await assert.rejects(
    rehearse(stored, strangers),
    failure('POSTERN_ROTATION_REHEARSAL_FAILED', /^pq: new gateway and client from before/),
  );
});

test('R-21 roots can be kept elsewhere, and come back for a rotation alone', async (t) => {
  const state = await newState(t);
  const safe = join(await temporaryDir(t), 'safe');
  const copies = await takeRootsOffline(state, safe);
  assert.deepEqual((await readdir(safe)).toSorted(), [
    'classical-root.key',
    'cnsa2-root.key',
    'pq-root.key',
  ]);
  for (const path of [safe, ...copies]) {
    assert.equal((await stat(path)).mode & 0o777, path === safe ? 0o700 : 0o600);
  }
  assert.equal((await privateKeysBelow(state)).size, 3);
  const client = await issueClient(state, 'agent');
  await meet(await ensureIdentity(state, WANTED), [client], client.caPem);

  const unavailable = failure('POSTERN_ROOT_KEY_UNAVAILABLE');
  await assert.rejects(takeRootsOffline(state, safe), unavailable);
  for (const roots of [false, true]) {
    await assert.rejects(rotate(state, { roots, rootKeysDir: null }), unavailable);
    await assert.rejects(rotate(state, { roots, rootKeysDir: state }), unavailable);
  }
  await rotate(state, { roots: false, rootKeysDir: safe });
  assert.equal((await privateKeysBelow(state)).size, 3);
  await meet(await ensureIdentity(state, WANTED), [client], client.caPem);

  // New roots are made here, whatever the old ones were.
  await rotate(state, { roots: true, rootKeysDir: safe });
  assert.equal((await privateKeysBelow(state)).size, 6);
  await meet(await ensureIdentity(state, WANTED), [client], client.caPem);
  await assert.rejects(
    rotate(state, { roots: false, rootKeysDir: safe }),
    failure('POSTERN_IDENTITY_DAMAGED', /is not the key of/),
  );
});

test('R-21 issuing CAs that have expired can be replaced still', async (t) => {
  const state = await temporaryDir(t);
  const workshop = new Workshop();
  t.after(() => workshop.close());
  const nowMs = Date.now() - daysMs(731);
  await createIdentity(state, { trustDomain: 'example.org', nowMs }, workshop);
  await assert.rejects(issueClient(state, 'agent'), failure('POSTERN_IDENTITY_EXPIRED'));
  assert.equal((await rotate(state, ISSUING)).rehearsed.length, 3);
  assert.ok(await issueClient(state, 'agent'));
});

test('keys of roots are not written over other files, nor where others can read them', async (t) => {
  const state = await newState(t);
  const safe = await temporaryDir(t);
  await writeFile(join(safe, 'pq-root.key'), 'another key', { mode: 0o600 });
  await assert.rejects(takeRootsOffline(state, safe), failure('POSTERN_CLIENT_FILE_EXISTS'));
  await rm(join(safe, 'pq-root.key'));
  await chmod(safe, 0o755);
  await assert.rejects(takeRootsOffline(state, safe), failure('POSTERN_STATE_DIR_UNSAFE'));
  assert.equal((await privateKeysBelow(state)).size, 6);
  assert.deepEqual(await readdir(safe), []);
});

/** Clients and a gateway verify each other, each chain under the signature that picks it. */
async function meet(
  gateway: Pick<GatewayIdentity, 'credentials' | 'caPem'>,
  clients: readonly IssuedClient[],
  trust: string,
): Promise<void> {
  for (const [index, client] of clients.entries()) {
    const seen = await handshakeWith(
      gateway,
      { requestCert: true, rejectUnauthorized: false },
      { ...credentialOf(client), ca: trust, sigalgs: SIGNATURES[index] ?? PREFERRED },
    );
    assert.ok(seen.serverVerified, `client ${client.name} does not verify: ${seen.clientRefusal}`);
  }
}

async function clientsOf(state: string): Promise<readonly IssuedClient[]> {
  const clients: IssuedClient[] = [];
  for (const algorithm of ALGORITHMS)
    clients.push(await issueClient(state, 'agent', { algorithm }));
  return clients;
}

function issuersOf({ credentials }: GatewayIdentity): readonly string[] {
  return credentials.map(({ leaf }) => leaf.issuer);
}

async function newState(t: TestContext): Promise<string> {
  const state = await temporaryDir(t);
  await cp(origin, state, { recursive: true });
  return state;
}

async function contentsOf(directory: string): Promise<ReadonlyMap<string, string>> {
  const contents = new Map<string, string>();
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) contents.set(path, await readFile(path, 'utf8'));
  }
  return contents;
}

/** Every private key in any file, with the file's path. */
async function privateKeysBelow(directory: string): Promise<ReadonlyMap<string, string>> {
  const files = [...(await contentsOf(directory))];
  return new Map(
    files
      .filter(([path, text]) => path.endsWith('.key') || text.includes('PRIVATE KEY'))
      .map(([path, text]) => [text, path]),
  );
}

async function assertModes(state: string): Promise<void> {
  for (const entry of await readdir(state, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const mode = (await stat(path)).mode & 0o777;
    const wanted = entry.isDirectory() ? 0o700 : /\.(key|json|jsonl)$/.test(path) ? 0o600 : 0o644;
    assert.equal(mode, wanted, path);
    if (path.endsWith('.crt')) assert.ok(new X509Certificate(await readFile(path)));
  }
}
