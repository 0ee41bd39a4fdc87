import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { createAuthority } from '../../test/support/certificates.ts';
import { runPostern } from '../../test/support/cli.ts';
import { makePkcs12, NO_PKCS12 } from '../../test/support/pkcs12.ts';
import { pemFiles } from './link-files.ts';

const PASSPHRASE = 'no one may see this';

async function prepare(t: TestContext): Promise<{ home: string; leafPem: string }> {
  const home = await mkdtemp(join(tmpdir(), 'postern-import-'));
  t.after(() => rm(home, { recursive: true }));
  const issuer = await (await createAuthority('P-256')).subordinate();
  const leaf = await issuer.issue({ kind: 'P-256' });
  await writeFile(join(home, 'site.p12'), await makePkcs12(leaf, PASSPHRASE, issuer.certPem));
  await writeFile(join(home, 'passphrase'), `${PASSPHRASE}\n`);
  return { home, leafPem: leaf.certPem };
}

const importing = (home: string, ...more: readonly string[]) =>
  runPostern('cert', 'import', join(home, 'site.p12'), '--out', join(home, 'out'), ...more);

test(
  'R-13 a container becomes files that a listener takes; nothing is overwritten',
  { skip: NO_PKCS12 },
  async (t) => {
    const { home, leafPem } = await prepare(t);
    const wrong = await importing(home);
    assert.equal(wrong.code, 1);
    assert.match(wrong.stderr, /POSTERN_PKCS12_LOCKED/);

    const given = ['--passphrase-file', join(home, 'passphrase')];
    const done = await importing(home, ...given);
    assert.equal(done.code, 0, done.stderr);
    assert.match(done.stdout, /CN=test server/);
    assert.match(done.stdout, /ECDSA-P256-SHA256, allowed by profiles hybrid, transition/);
    assert.match(done.stdout, /has not all authorities/);
    const files = {
      certificateFile: join(home, 'out/site.crt'),
      keyFile: join(home, 'out/site.key'),
    };
    assert.ok(done.stdout.includes(`certificates: [{ certificate: "${files.certificateFile}"`));
    assert.equal((await stat(files.keyFile)).mode & 0o777, 0o600);
    const taken = pemFiles(files, { onChange: () => undefined, onTrouble: () => undefined });
    await taken.kept.start();
    assert.equal(taken.kept.value?.chainPem.match(/BEGIN/g)?.length, 2);

    const key = await readFile(files.keyFile, 'utf8');
    await rm(files.certificateFile);
    const again = await importing(home, ...given);
    assert.equal(again.code, 78);
    assert.match(again.stderr, /site\.key exists already/);
    assert.deepEqual(await readdir(join(home, 'out')), ['site.key']);
    assert.equal(await readFile(files.keyFile, 'utf8'), key);

    const named = await importing(home, ...given, '--name', 'other', '--json');
    const told = JSON.parse(named.stdout) as Record<string, unknown>;
    assert.equal(told['certificate'], join(home, 'out/other.crt'));
    assert.equal(told['not_after'], new X509Certificate(leafPem).validToDate.toISOString());
    assert.deepEqual(told['names'], [
      'DNS:localhost',
      'IP Address:127.0.0.1',
      'IP Address:0:0:0:0:0:0:0:1',
    ]);
    for (const { stdout, stderr } of [wrong, done, again, named]) {
      assert.ok(!`${stdout}${stderr}`.includes(PASSPHRASE));
    }
  },
);

test('R-05 an import of what cannot be is refused', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'postern-import-'));
  t.after(() => rm(home, { recursive: true }));
  await writeFile(join(home, 'site.p12'), Buffer.alloc(1024 * 1024 + 1));
  for (const [more, code, message] of [
    [[], 64, /larger than/],
    [['--name', '../site'], 64, /no name for files/],
    [['--name', 'a\u001b[2J'], 64, /no name for files/],
  ] as const) {
    const refused = await importing(home, ...more);
    assert.equal(refused.code, code);
    assert.match(refused.stderr, message);
  }
});
