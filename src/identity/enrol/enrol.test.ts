/** From a token to a certificate, with the workshop's real process. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { globSync } from 'node:fs';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import type { ClientAlgorithm } from '../client.ts';
import { issueClient } from '../client.ts';
import { ensureIdentity } from '../identity.ts';
import { generateKeys } from '../keys.ts';
import { loadIdentity } from '../load-identity.ts';
import { describePeer } from '../peer.ts';
import { revoke } from '../revocation/revoke.ts';
import { listClients } from '../status.ts';
import { failure, LIFETIME_MS } from '../test-support.ts';
import { CLIENT_ALGORITHMS, schemeOf } from './algorithms.ts';
import { certsOnly } from './certs-only.ts';
import { makeClientRequest } from './client-request.ts';
import { createToken } from './create-token.ts';
import { EnrolmentDesk } from './desk.ts';
import type { Grant } from './grant.ts';
import { issueOrdered } from './issue-ordered.ts';
import { makeCertificateRequest } from './make-request.ts';
import { pinnedRoot, readCerts, rootsPem } from './read-certs.ts';
import { Tokens } from './tokens.ts';

const MINUTE_MS = 60_000;
const REFUSED = 'POSTERN_CERTIFICATE_REQUEST_REFUSED';

let state: string;
let caPem: string;
let desk: EnrolmentDesk;

before(async () => {
  state = await mkdtemp(join(tmpdir(), 'postern-enrol-'));
  const wanted = { trustDomain: 'example.org', names: [], lifetimeMs: LIFETIME_MS };
  ({ caPem } = await ensureIdentity(state, wanted));
  desk = new EnrolmentDesk(state);
});
after(async () => {
  desk.close();
  await rm(state, { recursive: true, force: true });
});

async function grantFor(name: string, algorithm: ClientAlgorithm = 'ML-DSA-65'): Promise<Grant> {
  const { token } = await createToken(state, { name, algorithm, lifetimeMs: 15 * MINUTE_MS });
  return (await desk.find(token)) ?? assert.fail('the token is not known');
}

function requestOf(algorithm: ClientAlgorithm, name: string | null): Promise<Buffer> {
  return makeCertificateRequest(generateKeys(schemeOf(algorithm)), name);
}

/** What a client shows that this gateway has issued its certificate to. */
async function issuedTo(name: string, algorithm: ClientAlgorithm) {
  const { chainPem } = await issueClient(state, name, { algorithm });
  return describePeer(new X509Certificate(chainPem));
}

const tokenFiles = (): Promise<string[]> => readdir(join(state, 'identity/tokens'));

test('R-13 a token gets a certificate of each algorithm, once', async () => {
  const enrolled = CLIENT_ALGORITHMS.map(async (algorithm) => {
    const grant = await grantFor('agent', algorithm);
    const request = await makeClientRequest(algorithm, 'agent');
    const issued = await desk.enrol(grant, request.der);
    const client = await request.accept(certsOnly(issued.chain), caPem);
    assert.equal(client.spiffeId, 'spiffe://example.org/client/agent');
    assert.deepEqual([issued.name, issued.spiffeId], [client.name, client.spiffeId]);
    assert.deepEqual(new X509Certificate(client.chainPem).keyUsage, ['1.3.6.1.5.5.7.3.2']);
    await assert.rejects(
      desk.enrol(grant, request.der),
      failure('POSTERN_ENROLMENT_TOKEN_REFUSED'),
    );
  });
  await Promise.all(enrolled);
  assert.deepEqual(await tokenFiles(), []);
});

test('R-13 of several requests with one token one gets a certificate', async (t) => {
  const grant = await grantFor('racer');
  const other = new EnrolmentDesk(state);
  t.after(() => other.close());
  const desks = [desk, desk, other];
  const requests = await Promise.all(desks.map(() => requestOf('ML-DSA-65', 'racer')));
  const outcomes = await Promise.allSettled(
    desks.map((each, index) => each.enrol(grant, requests[index] ?? Buffer.alloc(0))),
  );
  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
});

test('R-13 a request that is refused does not use its token up', async () => {
  const refusals = [
    [Buffer.from('nonsense'), /well-formed/],
    [Buffer.alloc(0), /well-formed/],
    [await requestOf('ML-DSA-65', 'alice'), /common name/],
    [await requestOf('ECDSA-P256', 'bob'), /ML-DSA-65 was granted/],
  ] as const;
  const grants = await Promise.all(refusals.map(() => grantFor('bob')));
  const tried = refusals.map(([request, message], index) =>
    assert.rejects(desk.enrol(grants[index] ?? assert.fail(), request), failure(REFUSED, message)),
  );
  await Promise.all(tried);
  const request = await requestOf('ML-DSA-65', null);
  const issued = await Promise.all(grants.map((grant) => desk.enrol(grant, request)));
  assert.ok(issued.every(({ name }) => name === 'bob'));
});

test('R-13 a failure of the gateway’s own does not use a token up', async () => {
  const grant = await grantFor('bob');
  const request = await requestOf('ML-DSA-65', 'bob');
  const [path = ''] = globSync('identity/**/pq/issuing.key', { cwd: state });
  await chmod(join(state, path), 0o644);
  await assert.rejects(desk.enrol(grant, request));
  await chmod(join(state, path), 0o600);
  await desk.enrol(grant, request);
});

test('R-13 more than sixteen waiting requests are refused', async () => {
  const request = await requestOf('ML-DSA-65', 'alice');
  const client = { name: 'alice', algorithm: 'ML-DSA-65' } as const;
  const shown = await issuedTo('alice', 'ML-DSA-65');
  const jobs = Array.from({ length: 19 }, () => desk.renew(client, request, shown));
  const outcomes = await Promise.allSettled(jobs);
  const busy = outcomes.filter(({ status }) => status === 'rejected');
  assert.equal(busy.length, 2);
});

test('R-13 a certificate that was revoked a moment ago, or issued elsewhere, is not renewed', async () => {
  const client = { name: 'thief', algorithm: 'ML-DSA-65' } as const;
  const request = await requestOf('ML-DSA-65', 'thief');
  const shown = await issuedTo('thief', 'ML-DSA-65');
  await desk.renew(client, request, shown);
  await revoke(state, { kind: 'name', value: 'thief' }, 'keyCompromise');
  const refused = 'POSTERN_CERTIFICATE_NOT_RENEWABLE';
  await assert.rejects(desk.renew(client, request, shown), failure(refused, /revoked/));
  const reencoded = { ...shown, fingerprint256: shown.fingerprint256.replace(/^../, '00') };
  await assert.rejects(desk.renew(client, request, reencoded), failure(refused, /not issued/));
  const left = (await listClients(state)).filter(({ entry }) => entry.name === 'thief');
  assert.deepEqual(new Set(left.map(({ revoked }) => revoked)), new Set(['keyCompromise']));
});

test('R-13 revoking a name withdraws its tokens, and no others', async () => {
  const grants = [await grantFor('leaver'), await grantFor('stayer')] as const;
  await issuedTo('leaver', 'ML-DSA-65');
  await revoke(state, { kind: 'name', value: 'leaver' }, 'privilegeWithdrawn');
  const request = await requestOf('ML-DSA-65', null);
  const refused = failure('POSTERN_ENROLMENT_TOKEN_REFUSED');
  await assert.rejects(desk.enrol(grants[0], request), refused);
  await desk.enrol(grants[1], request);
});

test('R-10 R-13 a client that renews all the time is stopped, and the others are not', async () => {
  const insatiable = { name: 'insatiable', algorithm: 'ML-DSA-65' } as const;
  const shown = await issuedTo('insatiable', 'ML-DSA-65');
  const ask = (client: typeof insatiable, request: Buffer) => desk.renew(client, request, shown);
  for (let turn = 0; turn < 100; turn += 1) {
    await assert.rejects(ask(insatiable, Buffer.alloc(0)), failure(REFUSED));
  }
  const request = await requestOf('ML-DSA-65', null);
  const stopped = failure('POSTERN_ENROLMENT_BUSY', /100 renewals today/);
  await assert.rejects(ask(insatiable, request), stopped);
  const other = { name: 'modest', algorithm: 'ML-DSA-65' } as const;
  await desk.renew(other, request, await issuedTo('modest', 'ML-DSA-65'));
});

test('R-13 tokens are kept as hashes, in files of the gateway alone, and expire', async () => {
  const tokens = new Tokens(state);
  const wanted = { name: 'carol', algorithm: 'ML-DSA-65', lifetimeMs: MINUTE_MS } as const;
  const token = await tokens.create(wanted);
  const directory = join(state, 'identity/tokens');
  const [file = ''] = await tokenFiles();
  const path = join(directory, file);
  assert.match(token, /^[0-9a-f]{64}$/);
  assert.ok(!(file + (await readFile(path, 'utf8'))).includes(token));
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.equal((await stat(directory)).mode & 0o777, 0o700);
  assert.equal((await tokens.find(token, Date.now()))?.name, 'carol');
  assert.equal(await tokens.find(token, Date.now() + MINUTE_MS), null);
  for (const other of ['', token.slice(1), token.toUpperCase(), '0'.repeat(64), `../${file}`]) {
    assert.equal(await tokens.find(other, Date.now()), null, other);
  }
  await chmod(directory, 0o755);
  await assert.rejects(tokens.find(token, Date.now()), failure('POSTERN_STATE_DIR_UNSAFE'));
  await chmod(directory, 0o700);
  const text = await readFile(path, 'utf8');
  await writeFile(path, text.replace(/"expires":"\d+/, '"expires":"2001'));
  assert.equal(await tokens.find(token, Date.now()), null);
  await tokens.create(wanted);
  assert.ok(!(await tokenFiles()).includes(file), 'expired tokens are swept');
  for (const lifetimeMs of [0, 999, 7 * 24 * 60 * MINUTE_MS + 1, Number.NaN]) {
    await assert.rejects(
      tokens.create({ ...wanted, lifetimeMs }),
      failure('POSTERN_ENROLMENT_TOKEN_LIFETIME_INVALID'),
    );
  }
  await assert.rejects(
    tokens.create({ ...wanted, name: '../x' }),
    failure('POSTERN_CLIENT_NAME_INVALID'),
  );
});

test('R-13 not more than a thousand tokens wait', async () => {
  const directory = join(state, 'identity/tokens');
  const grant = { name: 'many', algorithm: 'ML-DSA-65', expires: '2999-01-01T00:00:00.000Z' };
  const files = Array.from({ length: 1000 }, (_, index) => join(directory, `${index}.json`));
  for (const file of files) await writeFile(file, JSON.stringify(grant), { mode: 0o600 });
  await assert.rejects(grantFor('one-more'), failure('POSTERN_ENROLMENT_TOO_MANY_TOKENS'));
  for (const file of files) await rm(file);
});

/** What is almost a request, or nothing like one. */
function hostileRequests(sound: Buffer): fc.Arbitrary<Uint8Array> {
  const change = fc.tuple(fc.nat(sound.length - 1), fc.integer({ min: 1, max: 255 }));
  const mutated = fc.array(change, { minLength: 1, maxLength: 3 }).map((changes) => {
    const bytes = Buffer.from(sound);
    for (const [at, by] of changes) bytes[at] = (bytes[at] ?? 0) ^ by;
    return bytes;
  });
  return fc.oneof(
    fc.uint8Array({ maxLength: 512 }),
    mutated,
    fc.nat(sound.length - 1).map((length) => sound.subarray(0, length)),
    // Nested as deep as 64 KB of base64 allow.
    fc.constantFrom(0x30, 0x31, 0xa0).map((tag) => Buffer.alloc(48_000, Buffer.from([tag, 0x80]))),
  );
}

test('R-13 a mutated request never gets a certificate for another key, and breaks nothing', async () => {
  const stored = (await loadIdentity(state, Date.now())) ?? assert.fail('no identity');
  const common = { name: 'dave', algorithm: 'ECDSA-P256' } as const;
  const order = { ...common, predecessor: null, nowMs: Date.now() };
  const keys = generateKeys(schemeOf('ECDSA-P256'));
  const sound = await makeCertificateRequest(keys, 'dave');
  const property = fc.asyncProperty(hostileRequests(sound), async (request) => {
    const result = await issueOrdered(state, stored, { ...order, request });
    if ('refused' in result) return;
    const certificate = new X509Certificate(result.chain[0] ?? Buffer.alloc(0));
    assert.ok(certificate.checkPrivateKey(keys.privateKey), 'what was not signed is not certified');
  });
  await fc.assert(property, { numRuns: 300 });
});

test('R-13 however many hostile requests come with it, a token gets one certificate', async () => {
  const grant = await grantFor('dave', 'ECDSA-P256');
  const sound = await requestOf('ECDSA-P256', 'dave');
  const requests = [...fc.sample(hostileRequests(sound), 15), sound, sound];
  const outcomes = await Promise.allSettled(requests.map((each) => desk.enrol(grant, each)));
  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
  assert.deepEqual(
    await tokenFiles(),
    (await tokenFiles()).filter((file) => !file.startsWith(grant.id)),
  );
});

test('R-13 a client refuses an answer with another key, another name or another CA', async () => {
  const invalid = 'POSTERN_ENROLMENT_ANSWER_INVALID';
  const request = await makeClientRequest('ECDSA-P256', 'erin');
  const erin = { name: 'erin', algorithm: 'ECDSA-P256' } as const;
  const shown = await issuedTo('erin', 'ECDSA-P256');
  const foreign = await desk.renew(erin, await requestOf('ECDSA-P256', 'erin'), shown);
  const answer = certsOnly(foreign.chain);
  await assert.rejects(request.accept(answer, caPem), failure(invalid, /has the key/));
  await assert.rejects(request.accept(Buffer.from('x'), caPem), failure(invalid));

  const unnamed = await makeClientRequest('ECDSA-P256', null);
  const own = await desk.renew(erin, unnamed.der, shown);
  const accepted = await unnamed.accept(certsOnly(own.chain.toReversed()), caPem);
  assert.equal(accepted.name, 'erin');
  assert.equal(accepted.chainPem.match(/BEGIN/g)?.length, 2);
  const [pqRoot = ''] = caPem.split(/(?<=-----END CERTIFICATE-----\n)/);
  const chains = failure(invalid, /does not chain/);
  await assert.rejects(unnamed.accept(certsOnly(own.chain), pqRoot), chains);
  await assert.rejects(unnamed.accept(certsOnly(own.chain.slice(0, 1)), caPem), chains);
});

test('R-13 the root with the pinned fingerprint is taken, and no other certificate', async () => {
  const { root, issuing } = (await loadIdentity(state, Date.now()))?.chains[0] ?? assert.fail();
  const all = [issuing.certificate, root.certificate];
  const read = await readCerts(certsOnly(all.map(({ raw }) => raw)));
  assert.deepEqual(
    read.map((each) => each.fingerprint256),
    all.map((each) => each.fingerprint256),
  );
  const hex = (certificate: X509Certificate): string =>
    certificate.fingerprint256.replaceAll(':', '').toLowerCase();
  const { caFingerprint } = await createToken(state, {
    name: 'pin',
    algorithm: 'ML-DSA-65',
    lifetimeMs: MINUTE_MS,
  });
  assert.equal(caFingerprint, hex(root.certificate));
  assert.equal(pinnedRoot(read, caFingerprint), root.certificate.toString());
  assert.throws(() => pinnedRoot(read, hex(issuing.certificate)), /is no root/);
  assert.throws(() => pinnedRoot(read, '0'.repeat(64)), /no CA with the given fingerprint/);
  assert.equal(rootsPem(read), root.certificate.toString());
});

test(
  'OpenSSL 3.0 reads the certs-only message',
  { skip: spawnSync('openssl', ['version']).status !== 0 && 'openssl is not installed' },
  async () => {
    const { issuing } = (await loadIdentity(state, Date.now()))?.chains[2] ?? assert.fail();
    const { stdout, status } = spawnSync(
      'openssl',
      ['pkcs7', '-inform', 'DER', '-print_certs', '-noout'],
      { input: certsOnly([issuing.certificate.raw]), encoding: 'utf8' },
    );
    assert.equal(status, 0);
    assert.match(stdout, /subject=O = Postern, CN = Postern classical issuing/);
  },
);
