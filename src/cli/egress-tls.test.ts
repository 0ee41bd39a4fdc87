/** Files of links to servers, read again while a gateway would run. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { before, test } from 'node:test';
import type { HttpSettings } from '#config';
import { DEFAULT_PROFILE, profileByName } from '#crypto';
import type { PosternEvent } from '#lib';
import { denyAllPolicy } from '#policy';
import * as fc from 'fast-check';
import type { Credential, TestAuthority } from '../../test/support/certificates.ts';
import { createAuthority } from '../../test/support/certificates.ts';
import { makePkcs12, NO_PKCS12 } from '../../test/support/pkcs12.ts';
import { replaceFile } from '../../test/support/replace-file.ts';
import { until } from '../../test/support/until.ts';
import type { EgressTls } from './egress-tls.ts';
import { openEgressTls } from './egress-tls.ts';

type TlsSettings = NonNullable<HttpSettings['tls']>;

let authority: TestAuthority;
let one: Credential;
let other: Credential;
before(async () => {
  authority = await createAuthority('P-256');
  one = await authority.issue({ kind: 'P-256' });
  other = await authority.issue({ kind: 'P-256' });
});

interface Fixture {
  readonly path: (name: string) => string;
  readonly write: (name: string, content: string | Buffer) => Promise<void>;
  readonly open: (settings: Partial<TlsSettings>) => Promise<EgressTls>;
  readonly told: () => readonly string[];
  readonly events: readonly PosternEvent[];
}

async function fixture(t: TestContext): Promise<Fixture> {
  const directory = await mkdtemp(join(tmpdir(), 'postern-egress-'));
  t.after(() => rm(directory, { recursive: true }));
  const path = (name: string): string => join(directory, name);
  const events: PosternEvent[] = [];
  const profile = profileByName(DEFAULT_PROFILE);
  assert.ok(profile);
  const policy = denyAllPolicy('none');
  const usual = { profile, ca: null, crlFile: null, pins: [], serverName: null };
  return {
    path,
    write: (name, content) => replaceFile(path(name), content),
    open: (settings) =>
      openEgressTls(
        'notes',
        { ...usual, clientCertificate: null, secondCertificate: null, ...settings },
        { policy: () => policy, identity: () => null },
        (event) => events.push(event),
      ),
    told: () => events.map(({ name }) => name),
    events,
  };
}

test('R-21 changed files are used by new links; what cannot be used leaves the old in force', async (t) => {
  const { path, write, open, told, events } = await fixture(t);
  await write('ca.pem', authority.certPem);
  await write('crl.pem', await authority.revocationList([]));
  const tls = await open({ ca: { file: path('ca.pem') }, crlFile: path('crl.pem') });
  let reloads = 0;
  t.after(tls.watch(() => (reloads += 1)));
  const first = tls.current();
  assert.equal(tls.current(), first, 'the same object while nothing changes');
  assert.equal(first.crls.length, 1);

  await write('crl.pem', (await authority.revocationList([one])).slice(0, -40));
  await until('the torn list is alerted', () => events.length === 1);
  assert.match(String(events[0]?.fields?.['why']), /crl\.pem does not hold .* or was cut off/);
  assert.equal(tls.current(), first);
  assert.equal(reloads, 0);

  const revoking = await authority.revocationList([one]);
  await write('crl.pem', revoking);
  await until('the whole list is used', () => reloads === 1);
  assert.deepEqual(tls.current().crls, [revoking]);
  assert.equal(tls.current().caPem, first.caPem);

  await rm(path('ca.pem'));
  await until('the absent file is alerted', () => events.length === 3);
  assert.equal(tls.current().caPem, first.caPem);
  assert.deepEqual(told(), [
    'egress.files_unusable',
    'egress.files_reloaded',
    'egress.files_unusable',
  ]);
});

test('R-21 a client certificate and its key change together', async (t) => {
  const { path, write, open, events } = await fixture(t);
  await write('own.crt', one.certPem);
  await write('own.key', one.keyPem);
  const files = { certificateFile: path('own.crt'), keyFile: path('own.key') };
  const tls = await open({ clientCertificate: files });
  let reloads = 0;
  t.after(tls.watch(() => (reloads += 1)));
  const first = tls.current();
  await write('own.crt', other.certPem);
  await until('the half-written pair is alerted', () => events.length === 1);
  assert.match(String(events[0]?.fields?.['why']), /own\.key is not the key of .*own\.crt/);
  assert.equal(tls.current(), first);
  await write('own.key', other.keyPem);
  await until('the whole pair is used', () => reloads === 1);
  const expected = { chainPem: other.certPem, keyPem: other.keyPem };
  assert.deepEqual(tls.current().clientCredential, expected);
  assert.doesNotMatch(JSON.stringify(events), /PRIVATE KEY/);
});

test('R-21 a PKCS#12 file and its passphrase change together', { skip: NO_PKCS12 }, async (t) => {
  const { path, write, open, events } = await fixture(t);
  const files = { pkcs12File: path('own.p12'), passphraseFile: path('passphrase') };
  await write('own.p12', await makePkcs12(one, 'first one'));
  await write('passphrase', 'first one\n');
  const tls = await open({ clientCertificate: files });
  let reloads = 0;
  t.after(tls.watch(() => (reloads += 1)));
  const first = tls.current();
  const renewed = await makePkcs12(other, 'second one');
  await write('own.p12', renewed);
  await until('the wrong passphrase is alerted', () => events.length === 1);
  assert.match(
    String(events[0]?.fields?.['why']),
    /own\.p12 cannot be used with the passphrase of/,
  );
  assert.equal(tls.current(), first);
  await write('passphrase', 'second one');
  await until('the whole is used', () => reloads === 1);
  const expected = { pfx: renewed, passphrase: 'second one' };
  assert.deepEqual(tls.current().clientCredential, expected);
  assert.doesNotMatch(JSON.stringify(events), /(?:first|second) one/);
  await write('own.p12', 'no container');
  await assert.rejects(open({ clientCertificate: files }), {
    code: 'POSTERN_LINK_FILE_INVALID',
    message: /own\.p12 cannot be used with the passphrase of .*: not enough data/,
  });
});

test('files are judged whole: no block may be missing, cut off or of another kind', async (t) => {
  const { path, write, open } = await fixture(t);
  const list = await authority.revocationList([]);
  const spoiled = list.replace(/\n[A-Za-z0-9+/]/, '\nA');
  const cases: readonly (readonly [string, RegExp])[] = [
    ['', /does not hold revocation lists/],
    [authority.certPem, /does not hold revocation lists/],
    [list + list.slice(0, 80), /cut off/],
    [list + spoiled, /does not hold revocation lists/],
  ];
  for (const [text, message] of cases) {
    await write('crl.pem', text);
    const error = { code: 'POSTERN_LINK_FILE_INVALID', message };
    await assert.rejects(open({ crlFile: path('crl.pem') }), error);
  }
  const shorter = fc.integer({ min: 0, max: list.trimEnd().length - 1 });
  await fc.assert(
    fc.asyncProperty(shorter, async (length) => {
      await write('crl.pem', list.slice(0, length));
      await assert.rejects(open({ crlFile: path('crl.pem') }), /does not hold/);
    }),
    { numRuns: 40 },
  );
  await write('ca.pem', `${authority.certPem}${authority.certPem.slice(0, 100)}`);
  await assert.rejects(open({ ca: { file: path('ca.pem') } }), /cut off/);
});
