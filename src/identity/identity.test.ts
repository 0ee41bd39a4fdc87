import assert from 'node:assert/strict';
import {
  chmod,
  copyFile,
  cp,
  lstat,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { after, before, test } from 'node:test';
import { createIdentity } from './create-identity.ts';
import { readCurrent } from './generations.ts';
import { ensureIdentity } from './identity.ts';
import { openStateDir } from './state-dir.ts';
import { failure, LIFETIME_MS, temporaryDir } from './test-support.ts';
import { upkeep } from './upkeep.ts';
import { Workshop } from './workshop.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const WANTED = {
  trustDomain: 'example.org',
  names: ['mcp.example.org', '10.0.0.1'],
  lifetimeMs: LIFETIME_MS,
};

const workshop = new Workshop();
let template: string;
before(async () => {
  template = await openStateDir(join(await mkdtemp(join(tmpdir(), 'postern-identity-')), 'state'));
  await create(template, Date.now());
});
after(async () => {
  workshop.close();
  await rm(join(template, '..'), { recursive: true });
});

test('R-13 the first start makes the authorities and the next ones use them', async (t) => {
  const state = join(await temporaryDir(t), 'state');
  const first = await ensureIdentity(state, WANTED);
  assert.equal(first.created, true);
  assert.equal(first.spiffeId, 'spiffe://example.org/gateway');
  assert.deepEqual(
    first.credentials.map(({ leaf }) => leaf.signatureAlgorithm),
    ['ML-DSA-65', 'ML-DSA-87', 'ecdsa-with-SHA256'],
  );
  const second = await ensureIdentity(state, WANTED);
  assert.deepEqual([second.created, second.caPem], [false, first.caPem]);
  assert.deepEqual(await readdir(state), ['identity']);
});

test('keys are readable by the gateway’s user alone', async (t) => {
  const state = await newState(t);
  const entries = await readdir(state, { recursive: true, withFileTypes: true });
  assert.equal(entries.length, 1 + 2 + 1 + 3 + 12);
  for (const entry of entries) {
    const mode = (await stat(join(entry.parentPath, entry.name))).mode & 0o777;
    const wanted = entry.isDirectory() ? 0o700 : entry.name.endsWith('.key') ? 0o600 : 0o644;
    assert.equal(mode, wanted, entry.name);
  }
});

test('R-13 certificates have the profile of their role', async (t) => {
  const { credentials } = await ensureIdentity(await newState(t), WANTED);
  for (const { leaf, chainPem } of credentials) {
    assert.equal(leaf.ca, false);
    assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    assert.equal(
      leaf.subjectAltName,
      'URI:spiffe://example.org/gateway, DNS:localhost, IP Address:127.0.0.1, ' +
        'IP Address:0:0:0:0:0:0:0:1, DNS:mcp.example.org, IP Address:10.0.0.1',
    );
    const leftMs = leaf.validToDate.getTime() - Date.now();
    assert.ok(leftMs > LIFETIME_MS - 60_000 && leftMs <= LIFETIME_MS, `${leftMs} ms`);
    assert.ok(Date.now() - leaf.validFromDate.getTime() > 4 * 60 * 1000);
    // A missing newline between two PEM blocks makes OpenSSL reject the whole chain.
    assert.equal(chainPem.match(/^-----END CERTIFICATE-----$/gm)?.length, 2);
    assert.ok(chainPem.endsWith('-----\n'));
  }
});

test('R-21 each call makes new keys, for the names of the day, and none is on disk', async (t) => {
  const state = await newState(t);
  const first = await ensureIdentity(state, WANTED);
  const second = await ensureIdentity(state, { ...WANTED, names: ['new.example.org'] });
  for (const [index, { keyPem, leaf }] of second.credentials.entries()) {
    assert.notEqual(keyPem, first.credentials[index]?.keyPem);
    assert.match(leaf.subjectAltName ?? '', /DNS:new\.example\.org/);
    assert.doesNotMatch(leaf.subjectAltName ?? '', /mcp\.example\.org/);
  }
  const made = [...first.credentials, ...second.credentials];
  const keys = new Set(made.map(({ keyPem }) => keyPem));
  for (const entry of await readdir(state, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const text = await readFile(join(entry.parentPath, entry.name), 'utf8');
    assert.ok(!keys.has(text), entry.name);
  }
});

test('a certificate does not outlive the authority that issued it', async (t) => {
  const state = await openStateDir(join(await temporaryDir(t), 'state'));
  await create(state, Date.now() - 729.5 * DAY_MS);
  const { credentials, authorities, notAfterMs } = await ensureIdentity(state, WANTED);
  const ends = authorities.map(({ validToDate }) => validToDate.getTime());
  assert.equal(notAfterMs, Math.min(...ends));
  for (const { leaf } of credentials) assert.equal(leaf.validToDate.getTime(), notAfterMs);
});

test('another trust domain than the stored one is refused', async (t) => {
  const state = await newState(t);
  await assert.rejects(
    ensureIdentity(state, { ...WANTED, trustDomain: 'other.org' }),
    failure('POSTERN_TRUST_DOMAIN_CHANGED', /"example\.org", not "other\.org"/),
  );
});

test('what is wanted is checked before anything is written', async (t) => {
  const parent = await temporaryDir(t);
  const state = join(parent, 'state');
  await assert.rejects(
    ensureIdentity(state, { ...WANTED, trustDomain: 'Example.org' }),
    failure('POSTERN_SPIFFE_ID_INVALID'),
  );
  await assert.rejects(
    ensureIdentity(state, { ...WANTED, names: ['*'] }),
    failure('POSTERN_GATEWAY_NAME_INVALID'),
  );
  assert.deepEqual(await readdir(parent), []);
});

test('an expired or not yet valid identity is refused and says which certificate', async (t) => {
  const old = await openStateDir(join(await temporaryDir(t), 'old'));
  const cases = [
    [old, -731 * DAY_MS, /pq issuing ML-DSA-65 [0-9a-f]{8}" in .* expired on/],
    [`${old}er`, -11 * 366 * DAY_MS, /expired on/],
    [`${old}-not`, DAY_MS, /is not valid before/],
  ] as const;
  for (const [path, shiftMs, message] of cases) {
    const state = await openStateDir(path);
    await create(state, Date.now() + shiftMs);
    await assert.rejects(
      ensureIdentity(state, WANTED),
      failure('POSTERN_IDENTITY_EXPIRED', message),
    );
  }
});

test('a damaged identity is refused and left as it is', async (t) => {
  const state = await newState(t);
  const at = await pathsIn(state);
  const files = [
    'cnsa2/root.crt',
    'pq/issuing.key',
    'classical/root.key',
    'pq/issuing.crt',
    '../current',
  ];
  for (const name of files) {
    const text = await readFile(at(name), 'utf8');
    for (const spoilt of ['', text.slice(0, text.length / 2)]) {
      await writeFile(at(name), spoilt);
      await assert.rejects(
        ensureIdentity(state, WANTED),
        failure('POSTERN_IDENTITY_DAMAGED'),
        name,
      );
      assert.equal(await readFile(at(name), 'utf8'), spoilt);
    }
    await unlink(at(name));
    // Only a root's key may be kept elsewhere.
    if (name !== 'classical/root.key') {
      await assert.rejects(
        ensureIdentity(state, WANTED),
        failure('POSTERN_IDENTITY_DAMAGED'),
        name,
      );
    }
    await writeFile(at(name), text, { mode: 0o600 });
  }
  assert.equal((await ensureIdentity(state, WANTED)).created, false);
});

test('keys and certificates that do not belong together are refused', async (t) => {
  const other = await pathsIn(await freshState(t));
  const cases: readonly [readonly string[], RegExp][] = [
    [['pq/issuing.key'], /is not the key of/],
    [['classical/issuing.key'], /is not the key of/],
    [['pq/issuing.key', 'pq/issuing.crt'], /was not signed by/],
    [['pq/root.key', 'pq/root.crt'], /was not signed by/],
  ];
  for (const [names, message] of cases) {
    const state = await newState(t);
    const at = await pathsIn(state);
    for (const name of names) await copyFile(other(name), at(name));
    await assert.rejects(
      ensureIdentity(state, WANTED),
      failure('POSTERN_IDENTITY_DAMAGED', message),
      names.join(),
    );
  }
});

test('a classical chain in the place of the post-quantum one is refused', async (t) => {
  const state = await newState(t);
  const at = await pathsIn(state);
  for (const name of ['root.crt', 'root.key', 'issuing.crt', 'issuing.key']) {
    await copyFile(at(`classical/${name}`), at(`pq/${name}`));
  }
  await assert.rejects(
    ensureIdentity(state, WANTED),
    failure('POSTERN_IDENTITY_DAMAGED', /is no ML-DSA-87 key/),
  );
});

test('an identity that others could read or replace is refused', async (t) => {
  const state = await newState(t);
  const at = await pathsIn(state);
  const cases = [
    ['pq/root.key', 0o640, 0o600, 'POSTERN_STATE_FILE_UNSAFE'],
    ['classical/issuing.crt', 0o666, 0o644, 'POSTERN_STATE_FILE_UNSAFE'],
    ['pq', 0o750, 0o700, 'POSTERN_STATE_DIR_UNSAFE'],
    ['..', 0o755, 0o700, 'POSTERN_STATE_DIR_UNSAFE'],
    ['../..', 0o777, 0o700, 'POSTERN_STATE_DIR_UNSAFE'],
  ] as const;
  for (const [name, loose, right, code] of cases) {
    await chmod(at(name), loose);
    await assert.rejects(ensureIdentity(state, WANTED), failure(code));
    await chmod(at(name), right);
  }
  await copyFile(at('pq/issuing.key'), at('elsewhere.key'));
  await unlink(at('pq/issuing.key'));
  await symlink('../elsewhere.key', at('pq/issuing.key'));
  await assert.rejects(ensureIdentity(state, WANTED), failure('POSTERN_STATE_FILE_UNSAFE'));
});

test('ca.crt is derived: whatever stands there, a start puts it right', async (t) => {
  const state = await newState(t);
  const path = join(state, 'identity/ca.crt');
  const right = await readFile(path, 'utf8');
  const spoil = [
    () => writeFile(path, ''),
    () => unlink(path),
    () => chmod(path, 0o666),
    () => unlink(path).then(() => symlink('current', path)),
  ];
  await writeFile(path, 'nonsense');
  await ensureIdentity(state, WANTED);
  assert.equal(await readFile(path, 'utf8'), right);
  for (const how of spoil) {
    await how();
    await upkeep(state);
    assert.equal(await readFile(path, 'utf8'), right);
    assert.equal((await lstat(path)).mode & 0o777, 0o644);
  }
});

/** Paths inside the generation in force. */
async function pathsIn(state: string): Promise<(name: string) => string> {
  const identity = join(state, 'identity');
  const generation = await readCurrent(identity);
  return (name) => join(identity, generation, name);
}

/** A state directory with the same identity each time: making one takes half a second. */
async function newState(t: TestContext): Promise<string> {
  const state = join(await temporaryDir(t), 'state');
  await cp(template, state, { recursive: true, verbatimSymlinks: true });
  return state;
}

/** One with an identity of its own. */
async function freshState(t: TestContext): Promise<string> {
  const state = await openStateDir(join(await temporaryDir(t), 'state'));
  await create(state, Date.now());
  return state;
}

async function create(state: string, nowMs: number): Promise<void> {
  assert.equal(await createIdentity(state, { trustDomain: 'example.org', nowMs }, workshop), true);
}
