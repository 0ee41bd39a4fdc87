import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { createServer } from 'node:net';
import type { TestContext } from 'node:test';
import { before, test } from 'node:test';
import type { TlsOptions } from 'node:tls';
import { createServer as createTlsServer } from 'node:tls';
import { profileByName } from '#crypto';
import type { Credential, TestAuthority } from '../../../test/support/certificates.ts';
import { createAuthority, selfSigned } from '../../../test/support/certificates.ts';
import { listen } from '../../../test/support/http-upstream.ts';
import type { ServerShowing } from './inspect.ts';
import { inspectServer } from './inspect.ts';
import { pinOf } from './pins.ts';

const TIMEOUT = { timeout: 20_000 };

let authority: TestAuthority;
let ecdsa: Credential;
before(async () => {
  authority = await createAuthority('P-256');
  ecdsa = await authority.issue({ kind: 'P-256' });
});

async function showing(
  t: TestContext,
  { certPem, keyPem }: Credential,
  options: TlsOptions = {},
): Promise<{ shows: ServerShowing | null; received: number }> {
  let received = 0;
  const server = createTlsServer({ key: keyPem, cert: certPem, ...options }, (socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      received += bytes.length;
    });
  });
  const shows = await inspect(await listen(t, server));
  return { shows, received };
}

async function inspect(port: number, timeoutMs = 10_000): Promise<ServerShowing | null> {
  const profile = profileByName('hybrid');
  assert.ok(profile);
  const url = new URL(`https://127.0.0.1:${port}/mcp`);
  return inspectServer({ url, serverName: 'wanted.example', profile, timeoutMs });
}

test(
  'R-21 what a server shows is told without trusting it, and nothing is sent',
  TIMEOUT,
  async (t) => {
    const credential = await selfSigned();
    const { shows, received } = await showing(t, credential);
    const certificate = new X509Certificate(credential.certPem);
    assert.deepEqual(shows, {
      protocol: 'TLSv1.3',
      group: 'X25519MLKEM768',
      certificate: {
        subject: 'CN=on its own',
        issuer: 'CN=on its own',
        names: 'DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
        notBeforeMs: certificate.validFromDate.getTime(),
        notAfterMs: certificate.validToDate.getTime(),
        key: 'ECDSA-P256-SHA256',
        fingerprint256: certificate.fingerprint256,
        pin: pinOf(certificate),
      },
      conflicts: [],
    });
    assert.equal(received, 0);
  },
);

test(
  'R-08 what the profile does not allow is named: group, signature, protocol',
  TIMEOUT,
  async (t) => {
    const rsa = await authority.issue({ kind: 'RSA' });
    const cases: readonly (readonly [Credential, TlsOptions, RegExp])[] = [
      [ecdsa, { ecdhCurve: 'X25519' }, /^its key exchange is X25519; profile hybrid allows X255/],
      [rsa, {}, /^its certificate has a key for RSA-PSS; profile hybrid allows ML-DSA-65, /],
      [ecdsa, { maxVersion: 'TLSv1.2' }, /^it speaks TLSv1\.2; every profile needs TLSv1\.3/],
    ];
    for (const [credential, options, conflict] of cases) {
      const { shows } = await showing(t, credential, options);
      assert.match(shows?.conflicts[0] ?? '', conflict);
    }
  },
);

test('a server that has one group of the profile is seen to take it', TIMEOUT, async (t) => {
  const { shows } = await showing(t, ecdsa, { ecdhCurve: 'X25519:SecP384r1MLKEM1024' });
  assert.equal(shows?.group, 'SecP384r1MLKEM1024');
});

test('long names are cut', TIMEOUT, async (t) => {
  const names = Array.from({ length: 200 }, (_, index) => ({
    type: 'dns' as const,
    value: `host-${index}.example`,
  }));
  const { shows } = await showing(t, await authority.issue({ kind: 'P-256', names }));
  assert.equal(shows?.certificate?.names.length, 1001);
});

test('a server that speaks no TLS, or says nothing, shows nothing', TIMEOUT, async (t) => {
  const silent = await listen(t, createServer());
  const talkative = await listen(
    t,
    createServer((socket) => socket.end('hello\n')),
  );
  assert.equal(await inspect(talkative), null);
  assert.equal(await inspect(silent, 100), null);
});
