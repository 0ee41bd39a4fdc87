import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { basicCredentials } from './est-credentials.ts';

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

test('R-13 user and password of HTTP Basic are read', () => {
  const read = (authorization?: string) =>
    basicCredentials(authorization === undefined ? {} : { authorization });
  assert.deepEqual(read(basic('alice:a:b')), { user: 'alice', password: 'a:b' });
  assert.deepEqual(read(basic(':secret')), { user: '', password: 'secret' });
  assert.deepEqual(read(basic('a:').replace('Basic', 'bAsIc')), { user: 'a', password: '' });
  const none = [undefined, '', 'Basic', 'Basic ', 'Bearer abc', basic('no colon'), 'Basic a b'];
  for (const header of none) assert.equal(read(header), null, header ?? 'none');
  assert.equal(read(basic(`a:${'x'.repeat(600)}`)), null);
});

test('R-13 no Authorization header breaks the reader', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string().map(basic)), (authorization) => {
      const read = basicCredentials({ authorization });
      assert.ok(read === null || !read.user.includes(':'));
    }),
  );
});
