import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { test } from 'node:test';
import { jwtVerify } from 'jose';
import { signToken } from './token-signing.ts';

test('R-01 tokens are signed with the algorithm of the key, as others verify them', async () => {
  const pairs: readonly (readonly [string, { publicKey: KeyObject; privateKey: KeyObject }])[] = [
    ['ML-DSA-65', generateKeyPairSync('ml-dsa-65')],
    ['ML-DSA-87', generateKeyPairSync('ml-dsa-87')],
    ['EdDSA', generateKeyPairSync('ed25519')],
    ['ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' })],
    ['ES384', generateKeyPairSync('ec', { namedCurve: 'P-384' })],
  ];
  for (const [alg, { publicKey, privateKey }] of pairs) {
    const token = signToken(privateKey, { typ: 'JWT' }, { iss: 'postern', exp: 9_999_999_999 });
    assert.ok(token !== null);
    const { payload, protectedHeader } = await jwtVerify(token, publicKey);
    assert.deepEqual({ ...protectedHeader }, { typ: 'JWT', alg });
    assert.deepEqual({ ...payload }, { iss: 'postern', exp: 9_999_999_999 });
    assert.equal(signToken(publicKey, {}, {}), null);
  }
});

test('no token is signed with other keys', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
  assert.equal(signToken(privateKey, {}, {}), null);
  assert.equal(signToken(generateKeyPairSync('x25519').privateKey, {}, {}), null);
});
