import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { CHAINS } from './chains.ts';
import { issueCertificate } from './issue.ts';
import { generateKeys } from './keys.ts';
import {
  formatSpiffeId,
  parseSpiffeId,
  parseTrustDomain,
  spiffeIdOfCertificate,
} from './spiffe.ts';
import { failure } from './test-support.ts';

test('R-13 SPIFFE ids are read in their canonical spelling', () => {
  assert.deepEqual(parseSpiffeId('spiffe://example.org'), { trustDomain: 'example.org', path: [] });
  assert.deepEqual(parseSpiffeId('spiffe://a_b.c-1/client/Agent_7.x'), {
    trustDomain: 'a_b.c-1',
    path: ['client', 'Agent_7.x'],
  });
  const longest = `spiffe://example.org/${'a'.repeat(2048 - 21)}`;
  assert.equal(parseSpiffeId(longest).path.length, 1);
});

test('R-13 other spellings of a SPIFFE id are refused', () => {
  const malformed = [
    '',
    'spiffe:',
    'spiffe://',
    'spiffe:///client/a',
    'SPIFFE://example.org/a',
    'https://example.org/a',
    'spiffe://Example.org/a',
    'spiffe://example.org:443/a',
    'spiffe://user@example.org/a',
    'spiffe://example.org/',
    'spiffe://example.org/a/',
    'spiffe://example.org//a',
    'spiffe://example.org/./a',
    'spiffe://example.org/client/../gateway',
    'spiffe://example.org/a?b',
    'spiffe://example.org/a#b',
    'spiffe://example.org/a%2fb',
    'spiffe://example.org/a b',
    'spiffe://example.org/a\n',
    'spiffe://example.org/ä',
    ' spiffe://example.org/a',
    `spiffe://${'a'.repeat(256)}/a`,
    `spiffe://example.org/${'a'.repeat(2048 - 20)}`,
  ];
  for (const text of malformed) {
    assert.throws(() => parseSpiffeId(text), failure('POSTERN_SPIFFE_ID_INVALID'), text);
  }
  assert.throws(() => parseTrustDomain('Example.org'), failure('POSTERN_SPIFFE_ID_INVALID'));
});

test('what parses formats back to the same text, and nothing else is thrown', () => {
  const text = fc.oneof(
    fc.string(),
    fc.stringMatching(/^spiffe:\/\/[a-z0-9./_-]{1,40}$/),
    fc.stringMatching(/^spiffe:\/\/[a-z.]{1,9}(\/[a-zA-Z0-9._%-]{0,9}){0,4}$/),
  );
  fc.assert(
    fc.property(text, (candidate) => {
      try {
        const { trustDomain, path } = parseSpiffeId(candidate);
        assert.equal(formatSpiffeId(trustDomain, ...path), candidate);
      } catch (thrown) {
        assert.equal((thrown as { code?: string }).code, 'POSTERN_SPIFFE_ID_INVALID');
      }
    }),
  );
});

test('R-13 a certificate has a SPIFFE id only when that is its one URI', async () => {
  const id = 'spiffe://example.org/client/a';
  assert.equal(await idOfCertificateWith(id), id);
  assert.equal(await idOfCertificateWith(id, 'example.org', '127.0.0.1'), id);
  assert.equal(await idOfCertificateWith('https://example.org/'), null);
  assert.equal(await idOfCertificateWith('spiffe://example.org/client/../gateway'), null);
  // A host name that spells another entry of the list is no entry.
  const forged = 'x, URI:spiffe://example.org/client/b';
  assert.equal(await idOfCertificateWith('urn:x', forged), null);
  assert.equal(await idOfCertificateWith(id, forged), id);
});

async function idOfCertificateWith(
  spiffeId: string,
  ...names: readonly string[]
): Promise<string | null> {
  const keys = generateKeys(classical());
  const certificate = await issueCertificate(
    {
      role: 'client',
      commonName: 'x, URI:spiffe://example.org/client/c',
      publicKey: keys.publicKey,
      spiffeId,
      names,
      notBeforeMs: 0,
      notAfterMs: 1000,
    },
    { certificate: null, key: keys.privateKey },
  );
  return spiffeIdOfCertificate(certificate);
}

function classical(): (typeof CHAINS)[number]['leaf'] {
  const spec = CHAINS[1];
  assert.ok(spec);
  return spec.leaf;
}
