import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestBytes } from './request-bytes.ts';

const request = {
  method: 'POST',
  path: '/mcp?a=b',
  headers: ['accept', '*/*'],
  body: null,
} as const;

test('R-14 writes a request in one piece, a large body by itself', () => {
  const [bytes, ...none] = requestBytes('a.test:8443', { ...request, body: Buffer.from('{}') });
  assert.equal(none.length, 0);
  assert.equal(
    bytes?.toString(),
    'POST /mcp?a=b HTTP/1.1\r\nhost: a.test:8443\r\nconnection: keep-alive\r\naccept: */*\r\n' +
      'content-length: 2\r\n\r\n{}',
  );
  const body = Buffer.alloc(100_000, 'a');
  const [head, rest] = requestBytes('a.test', { ...request, body });
  assert.match(head?.toString() ?? '', /content-length: 100000\r\n\r\n$/);
  assert.equal(rest, body);
  const [get] = requestBytes('a.test', { ...request, method: 'GET' });
  assert.doesNotMatch(get?.toString() ?? '', /content-length/);
});

test('R-14 writes nothing that would end a line or name another header', () => {
  // U+010A would be written as a line feed: Latin-1 keeps the lower byte.
  for (const text of ['a\r\nb: c', 'a\nb', 'a\rb', 'a\0b', 'a\u010ab', 'a\u{1f600}', 'a\u007f']) {
    assert.throws(() => requestBytes('h', { ...request, headers: ['x', text] }), TypeError);
    assert.throws(() => requestBytes('h', { ...request, headers: [text, 'x'] }), TypeError);
    assert.throws(() => requestBytes('h', { ...request, path: `/${text}` }), TypeError);
  }
  for (const name of ['', 'a b', 'a:', 'ä', '(a)']) {
    assert.throws(() => requestBytes('h', { ...request, headers: [name, 'x'] }), TypeError);
  }
  for (const path of ['', 'mcp', 'http://a/', '/a b', '/é']) {
    assert.throws(() => requestBytes('h', { ...request, path }), TypeError);
  }
});
