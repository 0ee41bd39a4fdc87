import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ensureIdentity } from '#identity';
import type { Credential } from '../support/certificates.ts';
import { createAuthority } from '../support/certificates.ts';
import { runPostern } from '../support/cli.ts';
import { startTestPostern } from '../support/postern.ts';

interface Shown {
  readonly name: string;
  readonly certificates: readonly Readonly<Record<string, unknown>>[];
}

interface Status {
  readonly ok: boolean;
  readonly authorities: readonly { readonly name: string; readonly daysLeft: number }[];
  readonly due: readonly string[];
  readonly gateway: {
    readonly answered: boolean;
    readonly own: { readonly not_after: string; readonly renewal_due: string };
    readonly listeners: readonly Shown[];
    readonly servers: readonly Shown[];
  };
}

test('R-21 cert status tells what ends when', async (t) => {
  const state = await mkdtemp(join(tmpdir(), 'postern-status-'));
  t.after(() => rm(state, { recursive: true }));
  const missing = await runPostern('cert', 'status', '--state', state);
  assert.equal(missing.code, 78);
  assert.match(missing.stderr, /holds no identity/);

  await ensureIdentity(state, { trustDomain: 'example.org', names: [], lifetimeMs: 60_000 });
  const { code, stdout } = await runPostern('cert', 'status', '--state', state, '--json');
  assert.equal(code, 0);
  const { ok, authorities, gateway } = JSON.parse(stdout) as Status;
  assert.equal(ok, true);
  assert.equal(gateway.answered, false);
  assert.deepEqual(
    authorities.map(({ name }) => name.replace(/ [0-9a-f]{8}$/, '')),
    ['pq', 'cnsa2', 'classical'].flatMap((chain) => [
      `Postern ${chain} root ${chain === 'classical' ? 'ECDSA-P256-SHA256' : 'ML-DSA-87'}`,
      `Postern ${chain} issuing ${{ pq: 'ML-DSA-65', cnsa2: 'ML-DSA-87' }[chain] ?? 'ECDSA-P256-SHA256'}`,
    ]),
  );
  assert.ok(authorities.every(({ daysLeft }) => daysLeft > 720));
  const { stdout: text } = await runPostern('cert', 'status', '--state', state);
  assert.match(text, /Postern pq issuing ML-DSA-65/);
  assert.match(text, /no gateway answers at/);
});

test('R-21 cert status tells what a running gateway shows, and which of it somebody has to replace', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'postern-status-'));
  t.after(() => rm(home, { recursive: true }));
  const authority = await createAuthority();
  const put = async (name: string, { certPem, keyPem }: Credential): Promise<object> => {
    const files = { certificate: join(home, `${name}.crt`), key: join(home, `${name}.key`) };
    await writeFile(files.certificate, certPem);
    await writeFile(files.key, keyPem);
    return files;
  };
  // Of two days; in the last third, 16 hours, it ends soon.
  const site = await authority.issue({ validForMs: 12 * 3_600_000 });
  const client = await authority.issue({ validForMs: 20 * 3_600_000 });
  const tls = { ca: 'system', client_certificate: await put('client', client) };
  const postern = await startTestPostern({
    servers: { remote: { http: { url: 'https://127.0.0.1:1/', tls } } },
    listeners: [
      { name: 'site', address: '127.0.0.1:0', tls: { certificates: [await put('site', site)] } },
      { name: 'own', address: '127.0.0.1:0', tls: { profile: 'cnsa2' } },
    ],
  });
  t.after(() => postern.stop());
  const alert = await postern.logged(({ event }) => event === 'listener.certificate_ends_soon');
  const { fingerprint256, serialNumber } = new X509Certificate(site.certPem);
  assert.match(JSON.stringify(alert), new RegExp(`"listener":"site".*${fingerprint256}`));

  const { code, stdout } = await runPostern(
    'cert',
    'status',
    '--state',
    postern.stateDir,
    '--json',
  );
  assert.equal(code, 1);
  const { due, gateway } = JSON.parse(stdout) as Status;
  assert.match(due.join(), /^The certificate of listener site ends on .*: replace its files\.$/);
  const [shown, own] = gateway.listeners;
  assert.deepEqual(shown?.certificates, [
    {
      from: 'files',
      signature: 'ML-DSA-65',
      names: ['DNS:localhost', 'IP Address:127.0.0.1', 'IP Address:0:0:0:0:0:0:0:1'],
      serial: serialNumber,
      fingerprint: fingerprint256,
      not_after: new X509Certificate(site.certPem).validToDate.toISOString(),
      ends_soon: true,
    },
  ]);
  assert.deepEqual(
    own?.certificates.map(({ from, signature }) => [from, signature]),
    [['gateway', 'ML-DSA-87']],
  );
  assert.deepEqual(
    gateway.servers.map(({ name, certificates }) => [name, certificates[0]?.['fingerprint']]),
    [['remote', new X509Certificate(client.certPem).fingerprint256]],
  );
  const { not_after: end, renewal_due: renewal } = gateway.own;
  assert.ok(Date.now() < Date.parse(renewal) && Date.parse(renewal) < Date.parse(end));

  const text = await runPostern('cert', 'status', '--state', postern.stateDir);
  assert.equal(text.code, 1);
  assert.match(text.stdout, new RegExp(`listener site +from files +${serialNumber} +ML-DSA-65`));
  assert.match(text.stdout, /listener own +its own .* URI:spiffe:\/\/postern\.internal\/gateway/);
  assert.ok(text.stdout.includes(`renews its own certificates soon after ${renewal}`));
});
