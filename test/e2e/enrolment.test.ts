/** Clients that get, use and renew their certificates over the link that they are for. */
import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { ClientAlgorithm } from '#identity';
import { createToken, issueClient, makeClientRequest, writeClientFiles } from '#identity';
import type { ClientTls } from '../support/clients.ts';
import { pqFetch } from '../support/clients.ts';
import { runCommand, startCommand } from '../support/command.ts';
import { backdate } from '../support/backdated.ts';
import { CurlClient, withoutCurl } from '../support/curl-client.ts';
import type { EstAnswer, EstExchange } from '../support/est.ts';
import { askEst, basic } from '../support/est.ts';
import { connectV1 } from '../support/peer.ts';
import type { TestPostern } from '../support/postern.ts';
import { ALLOW_ALL, startTestPostern } from '../support/postern.ts';
import { http, programAt } from '../support/transports.ts';
import { recordingServer } from '../support/recording-server.ts';
import { until } from '../support/until.ts';

const MINUTE_MS = 60_000;

let postern: TestPostern;
let scratch: string;

before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'postern-enrolment-'));
  postern = await startTestPostern({
    servers: { program: { stdio: programAt('test/fixtures/stateful-stdio.ts') } },
    policy: { p2p_connectivity: { enforce_pqc: false }, ...ALLOW_ALL },
    listeners: [
      { name: 'main', address: '127.0.0.1:0' },
      { name: 'legacy', address: '127.0.0.1:0', tls: { profile: 'transition' } },
      { name: 'cnsa', address: '127.0.0.1:0', tls: { profile: 'cnsa2' } },
      { name: 'plain', address: '127.0.0.1:0', tls: 'off' },
    ],
  });
});
after(async () => {
  await postern.stop();
  await rm(scratch, { recursive: true, force: true });
});

const tokenFor = (name: string, algorithm: ClientAlgorithm = 'ML-DSA-65') =>
  createToken(postern.stateDir, { name, algorithm, lifetimeMs: 15 * MINUTE_MS });

const clientDir = (name: string): string => join(scratch, name);

async function credentialIn(
  directory: string,
  name: string,
): Promise<{ key: string; cert: string }> {
  const read = (file: string): Promise<string> => readFile(join(directory, file), 'utf8');
  return { key: await read(`${name}.key`), cert: await read(`${name}.crt`) };
}

/** Calls a tool as whoever has this certificate. @returns the principal in the record. */
async function callAs(credential: ClientTls): Promise<unknown> {
  const link = pqFetch(postern, credential);
  const client = await connectV1(http(1, postern.url('program'), link.fetch));
  assert.match(JSON.stringify(await client.call('echo', { text: 'hello' })), /hello/);
  await client.close();
  await link.close();
  return (await postern.record()).at(-1)?.client.principal;
}

async function requestFor(name: string): Promise<string> {
  return (await makeClientRequest('ML-DSA-65', name)).der.toString('base64');
}

const est = (path: string, exchange: EstExchange): Promise<EstAnswer> =>
  askEst(postern, path, exchange);

const enrolWith = (user: string, token: string, body: string): Promise<EstAnswer> =>
  est('simpleenroll', { method: 'POST', headers: basic(user, token), body });

test('R-13 a client enrols, calls a tool, and renews its certificate with a new key', async () => {
  const directory = clientDir('alice');
  const made = await runCommand(['ca', 'token', 'alice', '--state', postern.stateDir, '--json']);
  const { token, ca_fingerprint: pin } = JSON.parse(made.stdout) as Record<string, string>;
  const args = ['enroll', postern.endpoint, '--ca-fingerprint', pin ?? '', '--name', 'alice'];
  const env = { POSTERN_ENROL_TOKEN: token ?? '' };
  const enrolled = await runCommand([...args, '--out', directory], env);
  assert.equal(enrolled.code, 0, enrolled.stderr);
  assert.deepEqual(await readdir(directory), ['alice.crt', 'alice.json', 'alice.key', 'ca.crt']);
  assert.equal(await readFile(join(directory, 'ca.crt'), 'utf8'), postern.ca);
  assert.equal((await stat(join(directory, 'alice.key'))).mode & 0o777, 0o600);
  const first = await credentialIn(directory, 'alice');
  assert.equal(await callAs(first), 'alice');

  const again = await runCommand([...args, '--out', clientDir('again')], env);
  assert.equal(again.code, 1);
  assert.match(again.stderr, /401: no valid enrolment token/);
  assert.deepEqual(await readdir(clientDir('again')), []);

  const renewed = await runCommand(['cert', 'renew', directory]);
  assert.equal(renewed.code, 0, renewed.stderr);
  const second = await credentialIn(directory, 'alice');
  const leaf = new X509Certificate(second.cert);
  assert.notEqual(second.key, first.key);
  assert.ok(leaf.checkPrivateKey(createPrivateKey(second.key)));
  assert.equal(await callAs(second), 'alice');
  assert.deepEqual(await readdir(directory), ['alice.crt', 'alice.json', 'alice.key', 'ca.crt']);
  assert.equal((await stat(join(directory, 'alice.key'))).mode & 0o777, 0o600);

  for (const event of ['identity.enrolled', 'identity.renewed_client']) {
    const { fields } = await postern.logged((line) => line['event'] === event);
    assert.equal((fields as { client?: unknown }).client, 'alice', event);
  }
  assert.ok(!JSON.stringify(postern.log()).includes(token ?? ''), 'the log has no token');
});

test('R-02 R-13 a CNSA 2.0 listener enrols clients of that suite', async () => {
  const { token, caFingerprint } = await tokenFor('cathy', 'ML-DSA-87');
  const out = clientDir('cathy');
  const args = ['enroll', postern.listener('cnsa'), '--ca-fingerprint', caFingerprint];
  const enrolled = await runCommand([...args, '--algorithm', 'ML-DSA-87', '--out', out], {
    POSTERN_ENROL_TOKEN: token,
  });
  assert.equal(enrolled.code, 0, enrolled.stderr);
  const { key } = await credentialIn(out, 'cathy');
  assert.equal(createPrivateKey(key).asymmetricKeyType, 'ml-dsa-87');
});

test('R-13 bad tokens are all answered alike, and none of them is spent', async () => {
  const body = await requestFor('bob');
  const { token } = await tokenFor('bob');
  const expired = await expiredToken('bob');
  const answers = [
    await enrolWith('bob', '0'.repeat(64), body),
    await enrolWith('bob', expired, body),
    await enrolWith('mallory', token, body),
    await enrolWith('bob', 'nonsense', body),
    await est('simpleenroll', { method: 'POST', body }),
    await est('simpleenroll', { method: 'POST', headers: { authorization: 'Bearer x' }, body }),
  ];
  for (const answer of answers) {
    assert.deepEqual([answer.status, answer.body], [401, answers[0]?.body]);
    assert.match(answer.headers.get('www-authenticate') ?? '', /^Basic realm=/);
  }
  const foreign = await enrolWith('', token, await requestFor('mallory'));
  assert.deepEqual(
    [foreign.status, foreign.headers.get('content-type')],
    [400, 'text/plain; charset=utf-8'],
  );
  const issued = await enrolWith('', token, body);
  assert.equal(issued.status, 200);
  assert.equal(issued.headers.get('content-type'), 'application/pkcs7-mime; smime-type=certs-only');
  const refusal = await postern.logged((line) => line['event'] === 'identity.enrolment_refused');
  assert.equal(refusal['level'], 'warn');
});

/** A token whose time is over. */
async function expiredToken(name: string): Promise<string> {
  const directory = join(postern.stateDir, 'identity/tokens');
  const others = new Set(await readdir(directory));
  const { token } = await tokenFor(name);
  const file = (await readdir(directory)).find((entry) => !others.has(entry)) ?? '';
  const text = await readFile(join(directory, file), 'utf8');
  await writeFile(join(directory, file), text.replace(/"expires":"\d+/, '"expires":"2001'));
  return token;
}

test('R-13 of two requests that race with one token one gets a certificate', async () => {
  const { token } = await tokenFor('racer');
  const body = await requestFor('racer');
  const answers = await Promise.all([
    enrolWith('racer', token, body),
    enrolWith('racer', token, body),
  ]);
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200, 401]));
});

test('R-13 R-14 what is no request of EST is refused', async () => {
  const { token } = await tokenFor('eve');
  const headers = basic('eve', token);
  const post = { method: 'POST', headers, body: 'AAAA' };
  const cases = [
    ['simpleenroll', { ...post, headers: { ...headers, 'content-type': 'text/plain' } }, 415],
    ['simpleenroll', { ...post, body: 'A'.repeat(65_537) }, 413],
    ['simpleenroll', post, 400],
    ['simpleenroll', { headers }, 405],
    ['cacerts', { ...post }, 405],
    ['csrattrs', {}, 404],
    ['label/cacerts', {}, 404],
    ['cacerts', { headers: { origin: 'https://evil.example' } }, 403],
    ['cacerts', { at: postern.listener('plain') }, 404],
    ['simplereenroll', post, 403],
    ['cacerts', {}, 200],
  ] as const;
  for (const [path, init, status] of cases) {
    assert.equal((await est(path, init)).status, status, `${path} ${status}`);
  }
  assert.equal((await enrolWith('eve', token, await requestFor('eve'))).status, 200);
});

test('R-13 a renewal is for the name and algorithm of the certificate that proves it', async () => {
  const { keyPem, chainPem } = await issueClient(postern.stateDir, 'frank');
  const reenrol = (body: string): Promise<EstAnswer> =>
    est('simplereenroll', { method: 'POST', body, tls: { key: keyPem, cert: chainPem } });
  assert.equal((await reenrol(await requestFor('alice'))).status, 400);
  const weaker = (await makeClientRequest('ECDSA-P256', 'frank')).der.toString('base64');
  assert.match((await reenrol(weaker)).body, /ML-DSA-65 was granted/);
  const request = await makeClientRequest('ML-DSA-65', null);
  const answer = await reenrol(request.der.toString('base64'));
  const client = await request.accept(Buffer.from(answer.body, 'base64'), postern.ca);
  assert.equal(client.name, 'frank');
});

test('R-13 the token does not leave before the other end has proved to be the gateway', async (t) => {
  const { body } = await est('cacerts', {});
  const impostor = await recordingServer(t, body);
  const { token, caFingerprint } = await tokenFor('grace');
  const env = { POSTERN_ENROL_TOKEN: token };
  const enrolAt = (url: string, pin: string) =>
    runCommand(['enroll', url, '--ca-fingerprint', pin, '--out', clientDir('grace')], env);
  const [wrongPin, relayed, elsewhere] = await Promise.all([
    enrolAt(impostor.url, '0'.repeat(64)),
    enrolAt(impostor.url, caFingerprint),
    enrolAt(postern.endpoint, 'ab'.repeat(32)),
  ]);
  assert.match(wrongPin.stderr, /no CA with the given fingerprint/);
  assert.match(elsewhere.stderr, /no CA with the given fingerprint/);
  assert.match(relayed.stderr, /POSTERN_GATEWAY_UNTRUSTED/);
  assert.deepEqual([wrongPin.code, relayed.code, elsewhere.code], [1, 1, 1]);
  assert.equal(impostor.received.length, 2, 'one look at the CA each');
  assert.ok(impostor.received.every((text) => text.startsWith('GET /.well-known/est/cacerts ')));
  const sent = impostor.received.join('').toLowerCase();
  assert.ok(!sent.includes('authorization') && !sent.includes(token));
});

test('R-21 a watched certificate is renewed when it is due', async () => {
  const directory = clientDir('heidi');
  const issued = await issueClient(postern.stateDir, 'heidi', { algorithm: 'ECDSA-P256' });
  const due = await backdate(postern.stateDir, issued);
  await writeClientFiles(directory, due, postern.endpoint);
  const child = startCommand(['cert', 'renew', directory, '--watch']);
  let said = '';
  child.stderr.on('data', (data) => (said += String(data)));
  await until('the certificate is renewed and watched on', () =>
    /renewed, until [^\n]*\n[^\n]*due on /.test(said),
  );
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'exit'), [0, null]);
  const { cert, key } = await credentialIn(directory, 'heidi');
  assert.notEqual(key, due.keyPem);
  assert.ok(new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)));
});

test(
  'R-04 R-13 curl and OpenSSL 3.0 enrol and renew by the standard alone',
  { skip: withoutCurl() },
  async () => {
    const client = new CurlClient(
      await mkdtemp(join(scratch, 'curl-')),
      postern.listener('legacy'),
    );
    await writeFile(client.path('ca.pem'), postern.ca);
    const { token } = await tokenFor('curl', 'ECDSA-P256');
    client.request('curl', '1.key');
    client.ask('simpleenroll', '1.pem', '-u', `curl:${token}`);
    assert.match(client.verify('1.pem'), /1\.pem: OK/);
    client.request('curl', '2.key');
    client.ask('simplereenroll', '2.pem', '--cert', '1.pem', '--key', '1.key');
    const cert = await readFile(client.path('2.pem'), 'utf8');
    const key = await readFile(client.path('2.key'), 'utf8');
    const leaf = new X509Certificate(cert.slice(cert.indexOf('-----BEGIN')));
    assert.ok(leaf.checkPrivateKey(createPrivateKey(key)));
    assert.equal(await callAs({ key, cert }), 'curl');
  },
);
