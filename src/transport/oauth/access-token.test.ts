import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { JsonObject } from '#mcp';
import { readAccessToken } from './access-token.ts';

const UNAVAILABLE = { code: 'POSTERN_UPSTREAM_TOKEN_UNAVAILABLE' };
const FINE = { access_token: 'abc.DEF-1_2~3+4/5==', token_type: 'bearer', expires_in: 60 };
const ACCESS = 'urn:ietf:params:oauth:token-type:access_token';

test('R-08 a token is taken with the life that it has, within bounds', () => {
  const lives: readonly (readonly [unknown, number])[] = [
    [60, 60],
    ['60', 60],
    [undefined, 300],
    [1e308, 86_400],
    [Number.MAX_SAFE_INTEGER, 86_400],
    [0.5, 0.5],
  ];
  for (const [life, seconds] of lives) {
    const token = readAccessToken({ ...FINE, expires_in: life }, false, 1000);
    assert.deepEqual(token, {
      value: FINE.access_token,
      gotAtMs: 1000,
      expiresAtMs: 1000 + seconds * 1000,
    });
  }
  readAccessToken({ ...FINE, token_type: 'BEARER', refresh_token: 'x' }, false, 0);
  readAccessToken({ ...FINE, issued_token_type: ACCESS }, true, 0);
});

test('R-08 what is no usable token is refused, and not quoted', () => {
  const refused: JsonObject[] = [
    { ...FINE, access_token: undefined },
    { ...FINE, access_token: '' },
    { ...FINE, access_token: 's3cr3t\r\nx-admin: yes' },
    { ...FINE, access_token: 's3cr3t s3cr3t' },
    { ...FINE, access_token: 's3cr3t,Basic' },
    { ...FINE, access_token: 's3cr3tü' },
    { ...FINE, access_token: 's'.repeat(16_385) },
    { ...FINE, access_token: ['s3cr3t'] },
    { ...FINE, token_type: undefined },
    { ...FINE, token_type: 'mac' },
    { ...FINE, token_type: 'DPoP' },
    { ...FINE, token_type: ['bearer'] },
  ];
  for (const life of [0, -1, '-1', '1e3', 'soon', null, {}, '99999999999']) {
    refused.push({ ...FINE, expires_in: life });
  }
  for (const answer of refused) {
    assert.throws(
      () => readAccessToken(answer, false, 0),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, UNAVAILABLE.code);
        assert.doesNotMatch(error.message, /s3cr3t/);
        return true;
      },
    );
  }
  for (const type of [undefined, 'urn:ietf:params:oauth:token-type:id_token', [ACCESS]]) {
    assert.throws(
      () => readAccessToken({ ...FINE, issued_token_type: type }, true, 0),
      UNAVAILABLE,
    );
  }
});

test('property: a token that is taken ends no header', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      try {
        const { value } = readAccessToken({ ...FINE, access_token: text }, false, 0);
        assert.match(value, /^[\x21-\x7e]+$/);
      } catch (thrown) {
        assert.equal((thrown as { code?: string }).code, UNAVAILABLE.code);
      }
    }),
  );
});
