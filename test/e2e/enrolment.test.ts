/** Clients that get, use and renew their certificates over the link that they are for. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { after, before, test } from 'node:test';
import { createServer } from 'node:tls';
import type { ClientAlgorithm } from '#identity';
import { createToken, issueClient, makeClientRequest, writeClientFiles } from '#identity';
import { createAuthority } from '../support/certificates.ts';
import type { ClientTls } from '../support/clients.ts';
import { pqFetch } from '../support/clients.ts';
import { runCommand, startCommand } from '../support/command.ts';
import { backdate } from '../support/backdated.ts';
import { connectV1 } from '../support/peer.ts';
import type { TestPostern } from '../support/postern.ts';
import { ALLOW_ALL, startTestPostern } from '../support/postern.ts';
import { http, programAt } from '../support/transports.ts';
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

interface EstAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

async function est(
  path: string,
  init: { method?: string; body?: string | Buffer; headers?: object; tls?: ClientTls; at?: string },
): Promise<EstAnswer> {
  const { tls, at = postern.endpoint, headers, ...rest } = init;
  const link = pqFetch(postern, tls);
  try {
    const response = await link.fetch(`${at}/.well-known/est/${path}`, {
      ...rest,
      headers: { 'content-type': 'application/pkcs10', ...headers },
    } as RequestInit);
    return { status: response.status, headers: response.headers, body: await response.text() };
  } finally {
    await link.close();
  }
}

const basic = (user: string, password: string): { authorization: string } => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});

async function requestFor(name: string): Promise<string> {
  return (await makeClientRequest('ML-DSA-65', name)).der.toString('base64');
}

async function enrolWith(user: string, token: string, body: string): Promise<EstAnswer> {
  return est('simpleenroll', { method: 'POST', headers: basic(user, token), body });
}

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
  const before = new Set(await readdir(directory));
  const { token } = await tokenFor(name);
  const file = (await readdir(directory)).find((entry) => !before.has(entry)) ?? '';
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
  assert.deepEqual(answers.map(({ status }) => status).toSorted(), [200, 401]);
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

/** A TLS server that answers every request with the same, and keeps what it was sent. */
async function recordingServer(t: TestContext, answer: string) {
  const authority = await createAuthority('ML-DSA-65');
  const { certPem, keyPem } = await authority.issue();
  const received: string[] = [];
  const server = createServer({ cert: certPem + authority.certPem, key: keyPem }, (socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      received.push(data.toString('latin1'));
      socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${answer.length}\r\n\r\n${answer}`);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { url: `https://127.0.0.1:${port}`, received };
}

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

const missing = ['curl', 'openssl'].find(
  (program) => spawnSync(program, ['version']).error !== undefined,
);

test(
  'R-04 R-13 curl and OpenSSL 3.0 enrol and renew by the standard alone',
  { skip: missing !== undefined && `${missing} is not installed` },
  async () => {
    const directory = await mkdtemp(join(scratch, 'curl-'));
    const run = (program: string, ...args: readonly string[]): string =>
      execFileSync(program, args, { cwd: directory, encoding: 'utf8', stdio: 'pipe' });
    const curl = (path: string, ...args: readonly string[]): void => {
      const url = `${postern.listener('legacy')}/.well-known/est/${path}`;
      const pkcs10 = ['-H', 'Content-Type: application/pkcs10', '--data-binary', '@request.b64'];
      run(
        'curl',
        '-sS',
        '--fail',
        '--cacert',
        'ca.pem',
        ...pkcs10,
        '-o',
        'answer.b64',
        ...args,
        url,
      );
      run('openssl', 'base64', '-d', '-in', 'answer.b64', '-out', 'answer.p7');
      run(
        'openssl',
        'pkcs7',
        '-inform',
        'DER',
        '-in',
        'answer.p7',
        '-print_certs',
        '-out',
        'c.pem',
      );
    };
    const request = (key: string): void => {
      const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
      run(
        'openssl',
        'req',
        '-new',
        ...newKey,
        '-keyout',
        key,
        '-subj',
        '/CN=curl',
        '-outform',
        'DER',
        '-out',
        'request.der',
      );
      run('openssl', 'base64', '-in', 'request.der', '-out', 'request.b64');
    };
    await writeFile(join(directory, 'ca.pem'), postern.ca);
    const { token } = await tokenFor('curl', 'ECDSA-P256');
    request('1.key');
    curl('simpleenroll', '-u', `curl:${token}`);
    assert.match(
      run('openssl', 'verify', '-CAfile', 'ca.pem', '-untrusted', 'c.pem', 'c.pem'),
      /OK/,
    );
    await writeFile(join(directory, '1.pem'), await readFile(join(directory, 'c.pem')));
    request('2.key');
    curl('simplereenroll', '--cert', '1.pem', '--key', '1.key');
    const cert = await readFile(join(directory, 'c.pem'), 'utf8');
    const leaf = new X509Certificate(cert.slice(cert.indexOf('-----BEGIN')));
    const key = await readFile(join(directory, '2.key'), 'utf8');
    assert.ok(leaf.checkPrivateKey(createPrivateKey(key)));
    assert.equal(await callAs({ key, cert }), 'curl');
  },
);
