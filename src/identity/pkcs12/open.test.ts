import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { before, test } from 'node:test';
import { AuthenticatedSafe, id_SafeContents, PFX, SafeBag, SafeContents } from '@peculiar/asn1-pfx';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import * as fc from 'fast-check';
import { PosternError } from '#lib';
import type { Credential, TestAuthority } from '../../../test/support/certificates.ts';
import { createAuthority } from '../../../test/support/certificates.ts';
import { makePkcs12, NO_PKCS12 } from '../../../test/support/pkcs12.ts';
import { openPkcs12 } from './open.ts';

const PASSPHRASE = 'käse & brot';
const needsOpenssl = { skip: NO_PKCS12 };

let root: TestAuthority;
let issuer: TestAuthority;
let leaf: Credential;
let container: Buffer;
before(async () => {
  root = await createAuthority('P-256');
  issuer = await root.subordinate();
  leaf = await issuer.issue({ kind: 'P-256' });
  if (NO_PKCS12 === false) container = await makePkcs12(leaf, PASSPHRASE);
});

const fingerprint = (pem: string): string => new X509Certificate(pem).fingerprint256;
const refused = (file: Buffer, error: object, passphrase = PASSPHRASE): Promise<void> =>
  assert.rejects(openPkcs12(file, passphrase), error);

test(
  'R-13 key, certificate and authorities in their order, whatever the order in the container',
  needsOpenssl,
  async () => {
    const stranger = await createAuthority('P-256');
    const file = await makePkcs12(
      leaf,
      PASSPHRASE,
      stranger.certPem + root.certPem + issuer.certPem + root.certPem,
    );
    const content = await openPkcs12(file, PASSPHRASE);
    assert.equal(content.leaf.fingerprint256, fingerprint(leaf.certPem));
    assert.deepEqual(
      content.authorities.map(({ fingerprint256 }) => fingerprint256),
      [issuer, root].map(({ certPem }) => fingerprint(certPem)),
    );
    assert.equal(content.scheme.name, 'ECDSA-P256-SHA256');
    assert.ok(createPrivateKey(content.keyPem).equals(createPrivateKey(leaf.keyPem)));
  },
);

test('R-13 RSA keys, no authorities, no passphrase, no encryption', needsOpenssl, async () => {
  const rsa = await issuer.issue({ kind: 'RSA' });
  const plain = ['-keypbe', 'NONE', '-certpbe', 'NONE'];
  for (const [passphrase, how] of [
    ['', []],
    ['', plain],
    ['something', plain],
    ['something', ['-keypbe', 'PBE-SHA1-3DES', '-certpbe', 'PBE-SHA1-3DES', '-macalg', 'SHA1']],
  ] as const) {
    const file = await makePkcs12(rsa, passphrase, '', how);
    const content = await openPkcs12(file, passphrase);
    assert.equal(content.scheme.name, 'RSA-PSS');
    assert.deepEqual(content.authorities, []);
    assert.ok(createPrivateKey(content.keyPem).equals(createPrivateKey(rsa.keyPem)));
  }
});

test(
  'R-13 containers in BER, of no known length and in pieces, are read too',
  needsOpenssl,
  async () => {
    const pfx = AsnConvert.parse(container, PFX);
    const safes = Buffer.from(safesOf(pfx));
    const pieces = [safes.subarray(0, 100), safes.subarray(100)].map(derOf);
    const [version, data] = [
      Buffer.from('020103', 'hex'),
      Buffer.from('06092a864886f70d010701', 'hex'),
    ];
    const content = endless('a0', endless('24', ...pieces));
    const mac = Buffer.from(AsnConvert.serialize(pfx.macData));
    const ber = endless('30', version, endless('30', data, content), mac);
    const { leaf: read } = await openPkcs12(ber, PASSPHRASE);
    assert.equal(read.fingerprint256, fingerprint(leaf.certPem));
  },
);

test('R-13 a key in a bag within a bag is found', needsOpenssl, async () => {
  const pfx = AsnConvert.parse(container, PFX);
  const safes = AsnConvert.parse(safesOf(pfx), AuthenticatedSafe);
  const data = safes.find(({ contentType }) => contentType.endsWith('.1')) ?? assert.fail();
  const { buffer: bagValue } = AsnConvert.parse(data.content, OctetString);
  const outer = new SafeContents([new SafeBag({ bagId: id_SafeContents, bagValue })]);
  data.content = AsnConvert.serialize(new OctetString(AsnConvert.serialize(outer)));
  pfx.authSafe.content = AsnConvert.serialize(new OctetString(AsnConvert.serialize(safes)));
  // The MAC would no longer be right; it need not be there.
  const { version, authSafe } = pfx;
  const file = AsnConvert.serialize(
    Object.assign(new PFX({ version, authSafe }), { macData: undefined }),
  );
  const { keyPem } = await openPkcs12(Buffer.from(file), PASSPHRASE);
  assert.ok(createPrivateKey(keyPem).equals(createPrivateKey(leaf.keyPem)));
});

test('R-05 a wrong passphrase is told, and which one it was is not', needsOpenssl, async () => {
  for (const passphrase of ['', 'a wrong one']) {
    await refused(
      container,
      { code: 'POSTERN_PKCS12_LOCKED', message: /^(?!.*a wrong one)/ },
      passphrase,
    );
  }
});

test('R-05 what OpenSSL no longer decrypts is told with the way out', needsOpenssl, async (t) => {
  const legacy = await makePkcs12(leaf, PASSPHRASE, '', ['-legacy']).catch(() => null);
  if (legacy === null) return t.skip('this openssl has no legacy provider');
  await refused(legacy, { code: 'POSTERN_PKCS12_UNSUPPORTED', hint: /-legacy/ });
});

test('R-05 a key that only OpenSSL could find is told with the way out', needsOpenssl, async () => {
  const pfx = AsnConvert.parse(container, PFX);
  const safes = AsnConvert.parse(safesOf(pfx), AuthenticatedSafe);
  const encrypted = new AuthenticatedSafe(
    [...safes].filter(({ contentType }) => contentType.endsWith('.6')),
  );
  assert.equal(encrypted.length, 1);
  pfx.authSafe.content = AsnConvert.serialize(new OctetString(AsnConvert.serialize(encrypted)));
  const file = Buffer.from(AsnConvert.serialize(pfx));
  await refused(file, { code: 'POSTERN_PKCS12_UNSUPPORTED', message: /encrypted safe/ });
});

test(
  'R-05 containers that would cost OpenSSL too much time are refused before',
  needsOpenssl,
  async () => {
    for (const iterations of [20_000_001, 2 ** 31 - 1]) {
      const pfx = AsnConvert.parse(container, PFX);
      pfx.macData.iterations = iterations;
      const file = Buffer.from(AsnConvert.serialize(pfx));
      await refused(file, { code: 'POSTERN_PKCS12_INVALID', message: /iterations/ });
    }
    // PBKDF2's: a shorter salt leaves room for 2^31 - 1 instead of 2048.
    const hex = container.toString('hex');
    const raised = hex.replaceAll(/0408(.{12}).{4}02020800(?=300c)/g, '0406$102047fffffff');
    assert.notEqual(raised, hex);
    await refused(Buffer.from(raised, 'hex'), {
      code: 'POSTERN_PKCS12_INVALID',
      message: /iterations/,
    });
  },
);

test('R-05 what is no container is told as such', async () => {
  for (const file of [
    Buffer.alloc(0),
    Buffer.from('-----BEGIN CERTIFICATE-----\n'),
    Buffer.from(leaf.certPem),
    new X509Certificate(leaf.certPem).raw,
    Buffer.from('3080'.repeat(50_000), 'hex'),
    Buffer.alloc(1_000_000, '0500', 'hex'),
  ]) {
    await refused(file, { code: 'POSTERN_PKCS12_INVALID' });
  }
});

test('R-05 damaged containers are refused with a typed error', needsOpenssl, async () => {
  const change = fc.tuple(fc.nat(container.length - 1), fc.nat(255));
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
      const file = Buffer.from(container);
      for (const [at, value] of changes) file[at] = value;
      try {
        await openPkcs12(file, PASSPHRASE);
      } catch (thrown) {
        assert.ok(thrown instanceof PosternError, String(thrown));
        assert.match(thrown.code, /^POSTERN_PKCS12_/);
        assert.ok(!thrown.message.includes(PASSPHRASE));
      }
    }),
    { numRuns: 100 },
  );
});

function derOf(octets: Buffer): Buffer {
  return Buffer.from(AsnConvert.serialize(new OctetString(octets)));
}

/** An element of indefinite length (X.690 §8.1.3.6). */
function endless(tag: string, ...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([Buffer.from(`${tag}80`, 'hex'), ...parts, Buffer.from('0000', 'hex')]);
}

/** DER of the safes, which are within an OCTET STRING. */
function safesOf({ authSafe }: PFX): ArrayBuffer {
  return AsnConvert.parse(authSafe.content, OctetString).buffer;
}
