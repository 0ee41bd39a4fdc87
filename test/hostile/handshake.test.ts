/** What a client with weak algorithms gets: an alert, and not a byte of anything else. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import type { TestContext } from 'node:test';
import type { ConnectionOptions } from 'node:tls';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import { pqFetch } from '../support/clients.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { tinyServer } from './support/programs.ts';
import type { Tap } from './support/tap.ts';
import { openTap } from './support/tap.ts';
import { McpSession } from './support/session.ts';

const ALERT = 21;
const HANDSHAKE = 22;
const APPLICATION_DATA = 23;
const FATAL = 2;
const HANDSHAKE_FAILURE = 40;
const INSUFFICIENT_SECURITY = 71;
const PROTOCOL_VERSION = 70;
const NO_APPLICATION_PROTOCOL = 120;

let postern: TestPostern;
before(async () => {
  postern = await startTestPostern({ servers: { tiny: tinyServer() } });
});
after(() => postern.stop());

/** Has a client fail against the gateway and looks at what the gateway sent it. */
async function assertRefused(
  t: TestContext,
  attempt: (port: number) => Promise<unknown>,
  expected: { alert: number; kind: string },
): Promise<void> {
  const tap = await openTap(t, Number(new URL(postern.endpoint).port));
  const seenBefore = refusals().length;
  await assert.rejects(attempt(tap.port));
  await tap.quiet();
  assertOnlyAlert(tap, expected.alert);
  await postern.logged(() => refusals().length > seenBefore);
  const { level, fields } = refusals().at(-1) ?? {};
  assert.equal(level, 'warn');
  const { kind, source } = fields as Record<string, unknown>;
  assert.deepEqual([kind, source], [expected.kind, '127.0.0.1']);
}

function assertOnlyAlert(tap: Tap, description: number): void {
  const records = tap.records();
  assert.deepEqual(
    records.map(({ type }) => type),
    [ALERT],
  );
  assert.deepEqual([...(records[0]?.body ?? [])], [FATAL, description]);
}

function refusals(): readonly Record<string, unknown>[] {
  return postern.log().filter((line) => line['event'] === 'tls.handshake_refused');
}

/** A handshake of Node's own TLS; whether the certificate is trusted must not matter here. */
function handshake(options: ConnectionOptions): (port: number) => Promise<void> {
  return (port) =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
      socket.once('secureConnect', () => {
        socket.destroy();
        resolve();
      });
      socket.once('error', reject);
    });
}

const WEAK: Readonly<Record<string, readonly [ecdhCurve: string, alert: number]>> = {
  'X25519 alone': ['X25519', INSUFFICIENT_SECURITY],
  'the classical groups of older browsers': ['X25519:P-256:P-384:P-521', INSUFFICIENT_SECURITY],
  'a pure ML-KEM group, which is no hybrid': ['MLKEM768', HANDSHAKE_FAILURE],
};
for (const [what, [ecdhCurve, alert]] of Object.entries(WEAK)) {
  test(`R-03 R-08 refuses ${what} before any data`, async (t) => {
    const expected = { alert, kind: 'weak_key_exchange' };
    await assertRefused(t, handshake({ ecdhCurve }), expected);
  });
}

test('R-08 refuses a client that accepts RSA signatures alone', async (t) => {
  const options = { ecdhCurve: 'X25519MLKEM768', sigalgs: 'rsa_pss_rsae_sha256' };
  const expected = { alert: HANDSHAKE_FAILURE, kind: 'weak_signature' };
  await assertRefused(t, handshake(options), expected);
});

const OLD: Readonly<Record<string, ConnectionOptions>> = {
  'TLS 1.2': { maxVersion: 'TLSv1.2' },
  'RSA key exchange': { maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA' },
  'TLS 1.1': {
    minVersion: 'TLSv1.1',
    maxVersion: 'TLSv1.1',
    ciphers: 'DEFAULT:@SECLEVEL=0',
  },
};
for (const [what, options] of Object.entries(OLD)) {
  test(`R-08 refuses ${what} before any data`, async (t) => {
    await assertRefused(t, handshake(options), { alert: PROTOCOL_VERSION, kind: 'old_protocol' });
  });
}

test('a client that speaks HTTP/2 alone is told so in the handshake', async (t) => {
  const options = { ecdhCurve: 'X25519MLKEM768', ALPNProtocols: ['h2'] };
  const expected = { alert: NO_APPLICATION_PROTOCOL, kind: 'no_common_protocol' };
  await assertRefused(t, handshake(options), expected);
});

const run = promisify(execFile);
const TOOLS: Readonly<
  Record<string, { args: (port: number) => string[]; alert: number; kind: string }>
> = {
  'openssl s_client': {
    args: (port) => ['openssl', 's_client', '-connect', `127.0.0.1:${port}`, '-brief'],
    alert: INSUFFICIENT_SECURITY,
    kind: 'weak_key_exchange',
  },
  'openssl s_client with TLS 1.2': {
    args: (port) => ['openssl', 's_client', '-connect', `127.0.0.1:${port}`, '-tls1_2'],
    alert: PROTOCOL_VERSION,
    kind: 'old_protocol',
  },
  curl: {
    args: (port) => ['curl', '--silent', '--show-error', '--insecure', `https://127.0.0.1:${port}`],
    alert: INSUFFICIENT_SECURITY,
    kind: 'weak_key_exchange',
  },
};
for (const [name, { args, ...expected }] of Object.entries(TOOLS)) {
  test(`R-08 refuses ${name}`, { skip: whyNotClassical(name) }, async (t) => {
    const attempt = async (port: number): Promise<void> => {
      const [command = '', ...rest] = args(port);
      await run(command, rest, { timeout: 10_000 });
    };
    await assertRefused(t, attempt, expected);
  });
}

/** These tools prove something only while they lack ML-KEM, so with OpenSSL before 3.5. */
function whyNotClassical(name: string): string | false {
  const [command = ''] = name.split(' ');
  const flag = command === 'curl' ? '--version' : 'version';
  const { error, stdout } = spawnSync(command, [flag], { encoding: 'utf8' });
  if (error !== undefined) return `${command} is not installed`;
  const version = /OpenSSL[ /](\d+)\.(\d+)/.exec(stdout);
  if (version === null) return `${command} does not use OpenSSL`;
  const [major, minor] = [Number(version[1]), Number(version[2])];
  const classical = major < 3 || (major === 3 && minor < 5);
  return classical ? false : `${command} has an OpenSSL with ML-KEM`;
}

test('R-01 R-04 a hybrid client is served in between, over either of its groups', async () => {
  for (const ecdhCurve of ['X25519MLKEM768', 'SecP384r1MLKEM1024', 'X25519:SecP256r1MLKEM768']) {
    const http = pqFetch(postern, { ecdhCurve });
    const session = await McpSession.open(http.fetch, postern.url('tiny'));
    await session.end();
    await http.close();
  }
});

test('R-01 a hello that comes byte by byte is taken all the same', async (t) => {
  const port = Number(new URL(postern.endpoint).port);
  const tap = await openTap(t, port, { chopped: true });
  await handshake({ ecdhCurve: 'X25519MLKEM768' })(tap.port);
  const types = new Set(tap.records().map(({ type }) => type));
  assert.ok(types.has(HANDSHAKE) && types.has(APPLICATION_DATA));
});
