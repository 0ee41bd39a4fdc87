/** Links to servers that ask who calls: the gateway's own certificate, or one from files. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { before, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { stringify } from 'yaml';
import type { Credential, TestAuthority } from '../support/certificates.ts';
import { createAuthority } from '../support/certificates.ts';
import { ANSWER, listen } from '../support/http-upstream.ts';
import { callerNamed } from '../support/identified.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { errorCodeOf, request, send } from '../support/raw.ts';

const LAUNCHER = join(import.meta.dirname, '../../bin/postern.js');

let authority: TestAuthority;
let credential: Credential;
before(async () => {
  authority = await createAuthority();
  credential = await authority.issue();
});

/** A server that demands a certificate of these authorities; the subjects that it was shown. */
async function startServer(t: TestContext, ca: () => string): Promise<[number, string[]]> {
  const seen: string[] = [];
  const tls = { key: credential.keyPem, cert: credential.certPem, requestCert: true };
  const server = createServer({ ...tls, rejectUnauthorized: false }, (incoming, response) => {
    const certificate = (incoming.socket as TLSSocket).getPeerX509Certificate();
    seen.push(certificate?.subjectAltName ?? 'nobody');
    response.writeHead(200, { 'content-type': 'application/json' }).end(ANSWER);
  });
  t.after(() => server.close());
  const port = await listen(t, server);
  server.setSecureContext({ ...tls, ca: ca() });
  return [port, seen];
}

async function directoryOf(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'postern-egress-'));
  t.after(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, 'ca.pem'), authority.certPem);
  return directory;
}

/** Passes the log line which tells that the file is used. */
function reloaded(file: string): (line: Record<string, unknown>) => boolean {
  return ({ event, fields }) =>
    event === 'egress.files_reloaded' && JSON.stringify(fields).includes(file);
}

async function ping(postern: TestPostern) {
  const caller = await callerNamed(postern, null);
  const answer = await send(caller.fetch, postern.url('remote'), request(1, 'ping'));
  await caller.close();
  return answer;
}

test('R-13 a server that asks is shown the gateway’s own certificate, or one from files', async (t) => {
  const directory = await directoryOf(t);
  const client = await authority.issue({ names: [{ type: 'dns', value: 'client.example' }] });
  const files = { certificate: join(directory, 'own.crt'), key: join(directory, 'own.key') };
  await writeFile(files.certificate, client.certPem);
  await writeFile(files.key, client.keyPem, { mode: 0o600 });
  const [port, seen] = await startServer(t, () => authority.certPem);
  const showing = (certificate: object | string): object => {
    const tls = { ca: join(directory, 'ca.pem'), client_certificate: certificate };
    return { http: { url: `https://127.0.0.1:${port}/`, tls } };
  };
  const servers = { remote: showing('gateway'), other: showing(files) };
  const postern = await startTestPostern({ servers });
  t.after(() => postern.stop());
  assert.equal((await ping(postern)).status, 200);
  assert.match(seen.join(), /URI:spiffe:\/\/postern\.internal\/gateway/);
  const [entry] = await postern.record();
  assert.equal(entry?.upstream?.link?.['local_signature'], 'ML-DSA-65');
  const caller = await callerNamed(postern, null);
  t.after(() => caller.close());
  await send(caller.fetch, postern.url('other'), request(1, 'ping'));
  assert.equal(seen.at(-1), 'DNS:client.example');
});

test('R-21 a server whose key is not pinned gets no byte of HTTP, and the caller is told', async (t) => {
  const directory = await directoryOf(t);
  const [port, seen] = await startServer(t, () => authority.certPem);
  const url = `https://127.0.0.1:${port}/`;
  const tls = { ca: join(directory, 'ca.pem'), pins: [`sha256/${'A'.repeat(43)}=`] };
  const postern = await startTestPostern({ servers: { remote: { http: { url, tls } } } });
  t.after(() => postern.stop());
  const answer = await ping(postern);
  assert.equal(errorCodeOf(answer), -32603);
  assert.match(JSON.stringify(answer.message), /its own is sha256\/[A-Za-z0-9+/]{43}=/);
  assert.deepEqual(seen, []);
});

test('R-21 files of a link that change while the gateway runs: new certificate, withdrawn server', async (t) => {
  const directory = await directoryOf(t);
  const files = { certificate: join(directory, 'own.crt'), key: join(directory, 'own.key') };
  const crl = join(directory, 'crl.pem');
  const useClient = async (name: string): Promise<void> => {
    const client = await authority.issue({ names: [{ type: 'dns', value: name }] });
    await writeFile(files.certificate, client.certPem);
    await writeFile(files.key, client.keyPem, { mode: 0o600 });
  };
  await useClient('first.example');
  await writeFile(crl, await authority.revocationList([]));
  const [port, seen] = await startServer(t, () => authority.certPem);
  const url = `https://127.0.0.1:${port}/`;
  const tls = { ca: join(directory, 'ca.pem'), crl, client_certificate: files };
  const postern = await startTestPostern({ servers: { remote: { http: { url, tls } } } });
  t.after(() => postern.stop());
  assert.equal((await ping(postern)).status, 200);
  await useClient('second.example');
  await postern.logged(reloaded(files.key));
  assert.equal((await ping(postern)).status, 200);
  assert.deepEqual(seen, ['DNS:first.example', 'DNS:second.example']);
  await writeFile(crl, await authority.revocationList([credential]));
  await postern.logged(reloaded(crl));
  const answer = await ping(postern);
  assert.equal(errorCodeOf(answer), -32603);
  assert.match(JSON.stringify(answer.message), /the certificate is refused: it is revoked/);
  assert.match(JSON.stringify(answer.message), /postern check --connect --server remote/);
  assert.equal(seen.length, 2, 'no byte of HTTP');
});

test('files that are missing, or do not fit together, end the start with the reason', async (t) => {
  const directory = await directoryOf(t);
  const other = await authority.issue();
  await writeFile(join(directory, 'own.crt'), credential.certPem);
  await writeFile(join(directory, 'own.key'), other.keyPem);
  const cases: readonly (readonly [object, RegExp])[] = [
    [{ ca: 'absent.pem' }, /absent\.pem cannot be read/],
    [{ ca: 'own.key' }, /own\.key does not hold a certificate/],
    [
      { client_certificate: { certificate: 'own.crt', key: 'own.key' } },
      /own\.key is not the key of/,
    ],
    [
      { client_certificate: { certificate: 'own.crt', key: 'ca.pem' } },
      /ca\.pem does not hold a private key/,
    ],
  ];
  for (const [tls, message] of cases) {
    const config = join(directory, 'postern.yaml');
    const servers = { remote: { http: { url: 'https://127.0.0.1:1/', tls } } };
    const listeners = [{ name: 'main', address: '127.0.0.1:0' }];
    const settings = { version: 1, state_dir: 'state', admin: 'off', listeners, servers };
    await writeFile(config, stringify(settings));
    const child = spawn(process.execPath, [LAUNCHER, 'up', '--config', config], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    assert.equal(code, 78, stderr);
    assert.match(stderr, message);
  }
});
