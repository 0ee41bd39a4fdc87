import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import {
  cp,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { after, before, mock, test } from 'node:test';
import type { PosternEvent } from '#lib';
import { until } from '../../../test/support/until.ts';
import type { IssuedClient } from '../client.ts';
import { issueClient } from '../client.ts';
import type { GatewayIdentity } from '../identity.ts';
import { ensureIdentity } from '../identity.ts';
import { describePeer } from '../peer.ts';
import { rotate, takeRootsOffline } from '../rotation/change.ts';
import {
  credentialOf,
  failure,
  handshakeWith,
  LIFETIME_MS,
  temporaryDir,
} from '../test-support.ts';
import { upkeep } from '../upkeep.ts';
import { RevocationList } from './revocation-list.ts';
import { revoke } from './revoke.ts';
import { readRevoked, writeRevoked } from './revoked-file.ts';

const WANTED = { trustDomain: 'example.org', names: [], lifetimeMs: LIFETIME_MS };
const ALGORITHMS = ['ML-DSA-65', 'ML-DSA-87', 'ECDSA-P256'] as const;
const DAY_MS = 24 * 60 * 60 * 1000;

let origin: string;
let gateway: GatewayIdentity;
/** One of each chain, all by the name `agent`. */
let clients: readonly IssuedClient[];
let other: IssuedClient;

before(async () => {
  origin = await mkdtemp(join(tmpdir(), 'postern-identity-'));
  gateway = await ensureIdentity(origin, WANTED);
  clients = await Promise.all(
    ALGORITHMS.map((algorithm) => issueClient(origin, 'agent', { algorithm })),
  );
  other = await issueClient(origin, 'other');
});

after(() => rm(origin, { recursive: true, force: true }));

test('R-13 a name stands for all of its certificates, and revoking it again changes nothing', async (t) => {
  const state = await newState(t);
  const target = { kind: 'name', value: 'agent' } as const;
  const first = await revoke(state, target, 'keyCompromise');
  assert.deepEqual(
    new Set(first.revoked.map(({ chain }) => chain)),
    new Set(['pq', 'cnsa2', 'classical']),
  );
  assert.deepEqual(first.already, []);
  const text = await readFile(join(state, 'identity/revoked.json'), 'utf8');
  const again = await revoke(state, target, 'superseded');
  assert.deepEqual([again.revoked, again.already.length], [[], 3]);
  assert.equal(await readFile(join(state, 'identity/revoked.json'), 'utf8'), text);

  const list = await RevocationList.open(state, () => undefined);
  for (const client of clients) assert.equal(list.refusalOf(peerOf(client)), 'keyCompromise');
  assert.equal(list.refusalOf(peerOf(other)), null);
});

test('R-13 one certificate is revoked by serial number, by file or by fingerprint', async (t) => {
  const state = await newState(t);
  const [a, b, c] = clients.map((client) => new X509Certificate(client.chainPem));
  assert.ok(a && b && c);
  const targets = [
    { kind: 'serial', value: `00${a.serialNumber.toLowerCase()}` },
    { kind: 'certificate', value: Buffer.from(b.toString()) },
    { kind: 'fingerprint', value: `sha256 Fingerprint=${c.fingerprint256}` },
  ] as const;
  for (const [index, target] of targets.entries()) {
    const { revoked } = await revoke(state, target, 'unspecified');
    assert.deepEqual(
      revoked.map(({ name, fingerprint256 }) => [name, fingerprint256]),
      [['agent', [a, b, c][index]?.fingerprint256]],
    );
  }
  const list = await RevocationList.open(state, () => undefined);
  assert.equal(list.size, 3);
});

test('certificates of other authorities are known by their fingerprint alone', async (t) => {
  const state = await newState(t);
  const foreignState = await temporaryDir(t);
  await ensureIdentity(foreignState, WANTED);
  const foreign = await issueClient(foreignState, 'agent');
  const value = Buffer.from(foreign.chainPem);
  const { revoked } = await revoke(state, { kind: 'certificate', value }, 'unspecified');
  assert.deepEqual(
    [revoked[0]?.chain, revoked[0]?.serial, revoked[0]?.name],
    [null, null, foreign.spiffeId],
  );
  const fingerprint = createHash('sha256').update('anything').digest('hex');
  await revoke(state, { kind: 'fingerprint', value: fingerprint }, 'unspecified');
  const list = await RevocationList.open(state, () => undefined);
  const { serialNumber } = peerOf(foreign);
  assert.equal(list.refusalOf(peerOf(foreign)), 'unspecified');
  assert.equal(list.refusalOf({ serialNumber, fingerprint256: 'AA' }), null);
});

test('R-13 a certificate that only differs in its signature is refused all the same', async (t) => {
  const state = await newState(t);
  await revoke(state, { kind: 'name', value: 'agent' }, 'keyCompromise');
  const list = await RevocationList.open(state, () => undefined);
  const { serialNumber } = peerOf(clients[2] ?? assert.fail('no client'));
  assert.equal(list.refusalOf({ serialNumber, fingerprint256: 'AA' }), 'keyCompromise');
});

test('R-13 a file of a certificate tells its serial number also when its authority was replaced', async (t) => {
  const state = await newState(t);
  await unlink(join(state, 'identity/issued.jsonl'));
  await rotate(state, { roots: true, rootKeysDir: null });
  const client = clients[2] ?? assert.fail('no client');
  const target = { kind: 'certificate', value: Buffer.from(client.chainPem) } as const;
  await revoke(state, target, 'keyCompromise');
  const list = await RevocationList.open(state, () => undefined);
  const { serialNumber } = peerOf(client);
  assert.equal(list.refusalOf({ serialNumber, fingerprint256: 'AA' }), 'keyCompromise');
});

test('what stands for no certificate is refused and changes nothing', async (t) => {
  const state = await newState(t);
  const cases = [
    [{ kind: 'name', value: 'nobody' }, 'POSTERN_CERTIFICATE_UNKNOWN'],
    [{ kind: 'serial', value: '0A' }, 'POSTERN_CERTIFICATE_UNKNOWN'],
    [{ kind: 'serial', value: 'x' }, 'POSTERN_CERTIFICATE_UNREADABLE'],
    [{ kind: 'fingerprint', value: 'AA:BB' }, 'POSTERN_CERTIFICATE_UNREADABLE'],
    [{ kind: 'certificate', value: Buffer.from('no') }, 'POSTERN_CERTIFICATE_UNREADABLE'],
  ] as const;
  for (const [target, code] of cases) {
    await assert.rejects(revoke(state, target, 'unspecified'), failure(code));
  }
  const files = await readdir(join(state, 'identity'));
  assert.ok(!files.includes('revoked.json'));
});

test('R-13 a list that would be too large to be read leaves the one before in place', async (t) => {
  const state = await newState(t);
  const { revoked } = await revoke(state, { kind: 'name', value: 'other' }, 'unspecified');
  const tooMuch = revoked.map((entry) => ({ ...entry, name: 'x'.repeat(64 * 1024 * 1024) }));
  await assert.rejects(
    writeRevoked(state, tooMuch),
    failure('POSTERN_IDENTITY_STORAGE_FAILED', /larger than/),
  );
  assert.deepEqual(await readRevoked(state), revoked);
});

test('R-13 a clock that was ahead for a while brings no revoked certificate back', async (t) => {
  const state = await newState(t);
  await revoke(state, { kind: 'name', value: 'agent' }, 'keyCompromise');
  mock.timers.enable({ apis: ['Date'], now: Date.now() + 300 * DAY_MS });
  t.after(() => mock.timers.reset());
  await revoke(state, { kind: 'fingerprint', value: 'ab'.repeat(32) }, 'unspecified');
  mock.timers.reset();
  const list = await RevocationList.open(state, () => undefined);
  for (const client of clients) assert.equal(list.refusalOf(peerOf(client)), 'keyCompromise');
});

test('R-13 OpenSSL takes the published lists and refuses who is in them', async (t) => {
  const state = await newState(t);
  await verifyAll(state, [true, true, true]);
  await revoke(state, { kind: 'name', value: 'agent' }, 'keyCompromise');
  await verifyAll(state, [false, false, false]);
  await verifyAll(state, [true], [other]);
});

test('R-13 R-21 lists go on working for certificates from before a rotation of everything', async (t) => {
  const state = await newState(t);
  await revoke(state, { kind: 'name', value: 'agent' }, 'superseded');
  await takeRootsOffline(state, join(state, 'safe'));
  await rotate(state, { roots: false, rootKeysDir: join(state, 'safe') });
  await rotate(state, { roots: true, rootKeysDir: join(state, 'safe') });
  await verifyAll(state, [false, false, false]);
  const current = await issueClient(state, 'current');
  await verifyAll(state, [true, true], [other, current]);
  // Those who know the new roots alone, and those who know the old ones alone.
  const caPem = await readFile(join(state, 'identity/ca.crt'), 'utf8');
  const newRootsAlone = caPem.slice(0, caPem.indexOf(gateway.caPem));
  await verifyAll(state, [true], [current], newRootsAlone);
  await verifyAll(state, [true], [current], gateway.caPem);
});

test('lists are made anew in time, and when they are lost', async (t) => {
  const state = await newState(t);
  const path = join(state, 'identity/crl/pq.crl');
  const first = await readFile(path, 'utf8');
  await upkeep(state);
  assert.equal(await readFile(path, 'utf8'), first);
  const old = new Date(Date.now() - 3 * DAY_MS);
  for (const spoil of [() => utimes(path, old, old), () => unlink(path)]) {
    const number = await readFile(join(state, 'identity/crl/number'), 'utf8');
    await spoil();
    await upkeep(state);
    assert.notEqual(await readFile(path, 'utf8'), first);
    const next = await readFile(join(state, 'identity/crl/number'), 'utf8');
    assert.ok(Number(next) > Number(number));
  }
});

test('R-13 a running list follows the file, and keeps what it has when that cannot be read', async (t) => {
  const state = await newState(t);
  const events: PosternEvent[] = [];
  const named = (name: string): readonly PosternEvent[] =>
    events.filter((event) => event.name === name);
  const list = await RevocationList.open(state, (event) => void events.push(event));
  t.after(() => list.close());
  let changes = 0;
  list.watch(() => (changes += 1));
  await revoke(state, { kind: 'name', value: 'agent' }, 'privilegeWithdrawn');
  await until('it is told', () => changes === 1);
  assert.equal(list.refusalOf(peerOf(clients[0] ?? other)), 'privilegeWithdrawn');

  const path = join(state, 'identity/revoked.json');
  const good = await readFile(path, 'utf8');
  const unreadable = (): number => named('identity.revocations_unreadable').length;
  await writeFile(path, '{"version":1');
  await until('an alert is told', () => unreadable() === 1);
  await unlink(path);
  await until('another is', () => unreadable() === 2);
  assert.equal(named('identity.revocations_unreadable')[0]?.severity, 'alert');
  assert.equal(list.refusalOf(peerOf(clients[0] ?? other)), 'privilegeWithdrawn');
  await writeFile(path, good, { mode: 0o600 });
  await until('it is read again', () => changes === 2);

  await writeFile(path, good.replace('privilegeWithdrawn', 'because'));
  await assert.rejects(
    RevocationList.open(state, () => undefined),
    failure('POSTERN_IDENTITY_REVOCATIONS_INVALID'),
  );
});

test('R-13 a list that could not be read at once is read at the next look', async (t) => {
  const state = await newState(t);
  const elsewhere = await newState(t);
  await revoke(elsewhere, { kind: 'name', value: 'agent' }, 'keyCompromise');
  const events: PosternEvent[] = [];
  const list = await RevocationList.open(state, (event) => void events.push(event));
  t.after(() => list.close());
  list.watch(() => undefined);

  const handle = await open(state);
  await handle.close();
  const files = Object.getPrototypeOf(handle) as FileHandle;
  mock.method(files, 'readFile', () => Promise.reject(new Error('EMFILE')), { times: 1 });
  t.after(() => mock.restoreAll());
  const revoked = join(elsewhere, 'identity/revoked.json');
  await rename(revoked, join(state, 'identity/revoked.json'));
  await until('an alert is told', () => events.length === 1);
  await writeFile(join(state, 'identity/anything'), '');
  await until('it is read', () => list.size === 3);
});

/** Has a server with every published list, checked for the whole chain, verify clients. */
async function verifyAll(
  state: string,
  expected: readonly boolean[],
  who: readonly IssuedClient[] = clients,
  ca?: string,
): Promise<void> {
  const caPem = await readFile(join(state, 'identity/ca.crt'), 'utf8');
  const directory = join(state, 'identity/crl');
  const names = (await readdir(directory)).filter((name) => name.endsWith('.crl'));
  const crl = await Promise.all(names.map((name) => readFile(join(directory, name), 'utf8')));
  for (const [index, client] of who.entries()) {
    const seen = await handshakeWith(
      gateway,
      { requestCert: true, rejectUnauthorized: false, crl, ca: ca ?? caPem },
      credentialOf(client),
    );
    assert.equal(seen.serverVerified, expected[index], String(seen.clientRefusal));
    if (!seen.serverVerified) assert.match(String(seen.clientRefusal), /CERT_REVOKED/);
  }
}

function peerOf({ chainPem }: IssuedClient): ReturnType<typeof describePeer> {
  return describePeer(new X509Certificate(chainPem));
}

async function newState(t: TestContext): Promise<string> {
  const state = await temporaryDir(t);
  await cp(origin, state, { recursive: true, preserveTimestamps: true });
  return state;
}
