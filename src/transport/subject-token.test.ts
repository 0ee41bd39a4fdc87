import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { SubjectToken } from '#transport';

test('R-24 a caller’s token is told to whoever asks for it, and to nobody else', () => {
  const token = new SubjectToken('s3cr3t', { issuer: 'https://login.example', expiresAtMs: 1 });
  const nested = { request: { token } };
  const shown = [
    String(token),
    JSON.stringify(nested),
    inspect(nested, { depth: null, showHidden: true }),
    JSON.stringify(structuredClone(token)),
    Object.getOwnPropertyNames(token).join(),
  ];
  for (const text of shown) assert.doesNotMatch(text, /s3cr3t/);
  assert.equal(token.reveal(), 's3cr3t');
});
