import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { tokenAlgorithmByName } from '#crypto';
import type { Members } from './fixtures/world.ts';
import { keySetOf, newSigner, publicJwk } from './fixtures/world.ts';
import type { ReadKeySet } from './read-key-set.ts';
import { readKeySet } from './read-key-set.ts';

const good = newSigner('ES256', 'good');
const jwk: Members = { ...publicJwk(good), kid: 'good' };
const rsa = publicJwk(newSigner('RS256'));
const mlDsa = publicJwk(newSigner('ML-DSA-65'));
const rsaOf = (modulusLength: number, publicExponent = 65_537): Members =>
  publicJwk({ ...good, ...generateKeyPairSync('rsa', { modulusLength, publicExponent }) });
const es256 = tokenAlgorithmByName('ES256') ?? assert.fail();

function read(text: string | Buffer, maxBytes = 100_000): ReadKeySet {
  return readKeySet(Buffer.from(text), maxBytes);
}

test('R-13: a key of a set is left out, and the reason told, when it is none for signatures', () => {
  const odd: readonly (readonly [RegExp, unknown])[] = [
    [/private part/, { ...jwk, ...good.privateKey.export({ format: 'jwk' }) }],
    [/private part/, { ...mlDsa, priv: 'AA' }],
    [/private part/, { kty: 'oct', k: 'c2VjcmV0', alg: 'HS256' }],
    [/a kind that/, { kty: 'oct' }],
    [/a kind that/, { ...jwk, crv: 'secp256k1' }],
    [/a kind that/, { ...jwk, kty: 'ec' }],
    [/a kind that/, { ...mlDsa, alg: 'ML-DSA-99' }],
    [/a kind that/, { ...mlDsa, alg: undefined }],
    [/a kind that/, publicJwk({ ...good, ...generateKeyPairSync('ed448') })],
    [/a kind that/, publicJwk({ ...good, ...generateKeyPairSync('x25519') })],
    [/another use/, { ...jwk, use: 'enc' }],
    [/another use/, { ...jwk, key_ops: ['encrypt'] }],
    [/another use/, { ...jwk, key_ops: 'verify' }],
    [/kid/, { ...jwk, kid: 7 }],
    [/kid/, { ...jwk, kid: 'k'.repeat(300) }],
    [/algorithm/, { ...jwk, alg: 'HS256' }],
    [/algorithm/, { ...jwk, alg: 'ES384' }],
    [/algorithm/, { ...jwk, alg: 7 }],
    [/a part of it/, { ...jwk, y: undefined }],
    [/a part of it/, { ...jwk, x: `${String(jwk['x'])}=` }],
    [/a part of it/, { ...jwk, x: 'AAAA' }],
    [/a part of it/, { ...mlDsa, pub: 'AAAA' }],
    [/OpenSSL/, { ...jwk, y: 'A'.repeat(43) }],
    [/under 2048/, rsaOf(512)],
    [/under 2048/, rsaOf(1024)],
    [/over 8192/, { ...rsa, n: Buffer.alloc(1025, 0xff).toString('base64url') }],
    [/exponent/, { ...rsa, e: 'AQ' }],
    [/exponent/, { ...rsa, e: 'AQAAAAAAAQ' }],
    [/zeros/, { ...rsa, e: 'AAEAAQ' }],
    [/no object/, 'key'],
    [/no object/, null],
  ];
  for (const [index, [reason, key]] of odd.entries()) {
    const { keys, unused } = read(JSON.stringify({ keys: [jwk, key] }));
    assert.match(unused.join('; '), reason, `row ${index}`);
    assert.equal(unused.length, 1, `row ${index}`);
    assert.ok(keys.find('good', es256));
  }
});

test('R-13: what is no key set is refused whole', () => {
  const keys = (count: number): string =>
    JSON.stringify({ keys: Array.from({ length: count }, () => jwk) });
  const odd: readonly (readonly [RegExp, string | Buffer])[] = [
    [/no JSON/, ''],
    [/no JSON/, '<html><body>Not found</body></html>'],
    [/no JSON/, `\ufeff${keySetOf([good])}`],
    [/no JSON/, Buffer.from('{"keys":[],"x":"\xff"}', 'latin1')],
    [/no JSON/, `{"keys":[],"keys":[${JSON.stringify(jwk)}]}`],
    [/no JSON/, `{"keys":${'['.repeat(20)}${']'.repeat(20)}}`],
    [/no JSON/, `{"keys":[${' '.repeat(100_000)}]}`],
    [/no JSON Web/, '[]'],
    [/no JSON Web/, 'null'],
    [/no JSON Web/, '{}'],
    [/no JSON Web/, '{"keys":{}}'],
    [/no key that/, '{"keys":[]}'],
    [/no key that/, '{"keys":[{"kty":"oct","k":"AAAA"}]}'],
    [/more than 64/, keys(65)],
  ];
  for (const [message, text] of odd)
    assert.throws(() => read(text), { code: 'POSTERN_KEY_SET_INVALID', message });
});

test('R-13: of two keys with one id neither is believed, unless their algorithms differ', () => {
  const twice = keySetOf([good, newSigner('ES256', 'good')]);
  assert.equal(read(twice).keys.find('good', es256), undefined);
  const differing = keySetOf([good, newSigner('ES384', 'good')]);
  assert.ok(read(differing).keys.find('good', es256));
});

test('R-13: a key is for its own algorithm alone if it names one', () => {
  const ps256 = tokenAlgorithmByName('PS256') ?? assert.fail();
  const rs256 = tokenAlgorithmByName('RS256') ?? assert.fail();
  const open = read(JSON.stringify({ keys: [{ ...rsa, kid: 'k' }] })).keys;
  const named = read(JSON.stringify({ keys: [{ ...rsa, kid: 'k', alg: 'PS256' }] })).keys;
  assert.deepEqual(
    [open, named].map((set) => [ps256, rs256].map((alg) => set.find('k', alg) !== undefined)),
    [
      [true, true],
      [true, false],
    ],
  );
});
