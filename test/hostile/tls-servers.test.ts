/** Servers whose link or certificate proves too little: refused before a byte of HTTP goes to them. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import type { ServerOptions } from 'node:https';
import { createServer } from 'node:https';
import type { Server } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { TestAuthority } from '../support/certificates.ts';
import { createAuthority } from '../support/certificates.ts';
import { pqFetch } from '../support/clients.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import type { OpenServer } from './support/http-servers.ts';
import { listen, reader, wellBehaved } from './support/http-servers.ts';
import { postMessage } from './support/session.ts';

const LINK = 'POSTERN_UPSTREAM_LINK_REFUSED';
const CERTIFICATE = 'POSTERN_UPSTREAM_CERTIFICATE';
const LOST = 'POSTERN_UPSTREAM_UNAVAILABLE';

interface Case {
  readonly start: () => Promise<Server> | Server;
  readonly code: string;
  readonly says: RegExp;
}

const HYBRID = { minVersion: 'TLSv1.3', ecdhCurve: 'X25519MLKEM768' } as const;

let authority: TestAuthority;
/** Requests that servers took although they should not have been asked. */
let taken = 0;

async function secure(
  options: ServerOptions,
  issue: Parameters<TestAuthority['issue']>[0] = {},
  issuer = authority,
): Promise<Server> {
  const { keyPem, certPem } = await issuer.issue(issue);
  return createServer({ ...HYBRID, key: keyPem, cert: certPem, ...options }, () => {
    taken += 1;
  });
}

const CASES: Readonly<Record<string, Case>> = {
  'classical-groups': {
    start: () => secure({ ecdhCurve: 'X25519:P-256' }),
    code: LINK,
    says: /no TLS link: the server has no key-exchange group/,
  },
  'tls-1-2': {
    start: () => secure({ minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' }, { kind: 'P-256' }),
    code: LINK,
    says: /does not speak TLS 1\.3/,
  },
  'rsa-certificate': {
    start: () => secure({}, { kind: 'RSA' }),
    code: LINK,
    says: /no certificate, that the profile allows/,
  },
  'wrong-name': {
    start: () => secure({}, { names: [{ type: 'dns', value: 'other.example' }] }),
    code: CERTIFICATE,
    says: /the certificate is for another name/,
  },
  expired: {
    start: () => secure({}, { validForMs: -60_000 }),
    code: CERTIFICATE,
    says: /the certificate is refused: it has expired/,
  },
  // Of the same name as the trusted one.
  'false-authority': {
    start: async () => secure({}, {}, await createAuthority()),
    code: CERTIFICATE,
    says: /the certificate is refused: its signature is wrong/,
  },
  'client-certificate': {
    start: () => secure({ requestCert: true, rejectUnauthorized: true }),
    code: LINK,
    says: /demands a client certificate/,
  },
  'plain-http': {
    start: () => createHttpServer(reader(wellBehaved)),
    code: LINK,
    says: /does not speak TLS on this port/,
  },
  silent: {
    start: () => createTcpServer(),
    code: LOST,
    says: /no connection within 500 ms/,
  },
  resetting: {
    start: () => createTcpServer((socket) => socket.once('data', () => socket.resetAndDestroy())),
    code: LOST,
    says: /closed the connection/,
  },
};

let directory: string;
let postern: TestPostern;
let http: ReturnType<typeof pqFetch>;
const opened: OpenServer[] = [];

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'postern-tls-'));
  authority = await createAuthority();
  const ca = join(directory, 'ca.crt');
  await writeFile(ca, authority.certPem);
  const { keyPem, certPem } = await authority.issue();
  const good = createServer({ ...HYBRID, key: keyPem, cert: certPem }, reader(wellBehaved));
  const servers: Record<string, object> = { good: await settingsOf(good, ca) };
  for (const [name, { start }] of Object.entries(CASES)) {
    servers[name] = await settingsOf(await start(), ca);
  }
  postern = await startTestPostern({ servers, limits: { upstream_connect_timeout_ms: 500 } });
  http = pqFetch(postern);
});
after(async () => {
  await http.close();
  await postern.stop();
  for (const server of opened) await server.close();
  await rm(directory, { recursive: true });
});

async function settingsOf(server: Server, ca: string): Promise<object> {
  const open = await listen(server);
  opened.push(open);
  return { http: { url: `https://127.0.0.1:${open.port}/mcp`, tls: { ca } } };
}

const CALL = { jsonrpc: '2.0', id: 5, method: 'tools/call', params: { name: 'echo' } };

test(
  'R-08 each weak or false server is refused, and a good one is served',
  { concurrency: true },
  async (t) => {
    const tests = Object.entries(CASES).map(([name, { code, says }]) =>
      t.test(`R-01 R-08 ${name}`, async () => {
        const pending = postMessage(http.fetch, postern.url(name), CALL);
        const neighbour = await postMessage(http.fetch, postern.url('good'), CALL);
        assert.ok(neighbour.message?.result);
        const { message } = await pending;
        assert.equal(message?.error?.data?.code, code, JSON.stringify(message));
        assert.match(message?.error?.message ?? '', says);
        // In TLS 1.3 a server asks for the certificate after the client has its link.
        if (name === 'client-certificate') return;
        const line = await postern.logged(
          ({ event, fields }) =>
            event === 'upstream.connect_failed' &&
            (fields as { upstream: string }).upstream === name,
        );
        assert.equal(line['level'], code === LOST ? 'warn' : 'alert');
      }),
    );
    await Promise.all(tests);
    assert.equal(taken, 0);
  },
);

test('R-19 the record tells that there was no link', async () => {
  const entries = await postern.record();
  for (const [name, { code }] of Object.entries(CASES)) {
    const entry = entries.find(({ mcp }) => mcp.server === name);
    assert.equal(entry?.outcome.code, code, name);
    if (name !== 'client-certificate') assert.equal(entry?.upstream?.link, null, name);
  }
});
