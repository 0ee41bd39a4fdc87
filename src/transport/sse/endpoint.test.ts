import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { endpointPath } from './endpoint.ts';

const STREAM = new URL('https://old.example:8443/mcp/sse?tenant=7');

const named = (text: string): string => endpointPath(Buffer.from(text), STREAM);

test('R-23 an endpoint is relative to the stream, or absolute on its origin', () => {
  assert.equal(named('/messages?sessionId=1'), '/messages?sessionId=1');
  assert.equal(named('messages/'), '/mcp/messages/');
  assert.equal(named('?sessionId=1'), '/mcp/sse?sessionId=1');
  assert.equal(named('https://old.example:8443/m?s=ü#part'), '/m?s=%C3%BC');
  assert.equal(named('HTTPS://OLD.example:8443/m'), '/m');
});

const refused = [
  ['another host', 'https://evil.example:8443/m'],
  ['another host by its first slashes', '//evil.example/m'],
  ['another host by backslashes', String.raw`\\evil.example\m`],
  ['another port', 'https://old.example/m'],
  ['another scheme', 'http://old.example:8443/m'],
  ['no place at all', 'data:text/plain,x'],
  ['credentials', 'https://a:b@old.example:8443/m'],
  ['no URI', 'https://'],
  ['nothing', ''],
  ['too much', `/${'a'.repeat(5000)}`],
] as const;

for (const [what, text] of refused) {
  test(`R-23 an endpoint with ${what} is refused`, () => {
    assert.throws(() => named(text), { code: 'POSTERN_UPSTREAM_PROTOCOL' });
  });
}

test('R-23 whatever a server names, messages go to its own origin', () => {
  const part = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      '//',
      '\\',
      '/',
      '..',
      ':',
      '@',
      '\t',
      '\n',
      'https:',
      'old.example:8443',
      'evil.example',
    ),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
      let path: string;
      try {
        path = named(parts.join(''));
      } catch (error) {
        assert.equal((error as { code: string }).code, 'POSTERN_UPSTREAM_PROTOCOL');
        return;
      }
      assert.match(path, /^\/[\x21-\x7e]*$/);
      assert.equal(new URL(STREAM.origin + path).origin, STREAM.origin);
    }),
  );
});
