import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MalformedMessage, TooLongMessage } from './malformed.ts';
import type { RequestHead } from './request-head.ts';
import { RequestParser } from './request-parser.ts';

const MAX_HEADER_BYTES = 1024;

interface Parsed {
  readonly head: RequestHead;
  readonly body: string;
}

/** The requests in a text that comes in pieces; what is not whole at its end is no request. */
function parse(pieces: readonly string[]): Parsed[] {
  const parsed: Parsed[] = [];
  let head: RequestHead | null = null;
  let body = '';
  const parser = new RequestParser(
    {
      onHead: (each) => {
        assert.equal(head, null);
        head = each;
        body = '';
      },
      onData: (chunk) => {
        assert.ok(head !== null && chunk.length > 0);
        body += chunk.toString('latin1');
      },
      onEnd: () => {
        assert.ok(head !== null);
        parsed.push({ head, body });
        head = null;
      },
    },
    MAX_HEADER_BYTES,
  );
  for (const piece of pieces) {
    const bytes = Buffer.from(piece, 'latin1');
    let at = 0;
    while (at < bytes.length) at += parser.push(bytes.subarray(at));
  }
  return parsed;
}

const lines = (...all: readonly string[]): string => all.join('\r\n');
const POST = ['POST /mcp HTTP/1.1', 'Host: a'];
const refused = (text: string): void => {
  assert.throws(() => parse([text]), MalformedMessage, JSON.stringify(text));
};

test('R-14 reads requests one after the other, whatever their bodies', () => {
  const parsed = parse([
    lines(...POST, 'Content-Length: 5', 'X-A:  b ', 'x-a: c', '', 'hello') +
      lines('GET /sse?x=%20y HTTP/1.1', 'host: a', 'connection: close', '', '') +
      lines(...POST, 'transfer-encoding: Chunked', '', '2;a=b', 'he', '3', 'llo', '0', '', '') +
      lines('DELETE /mcp HTTP/1.0', '', ''),
  ]);
  assert.deepEqual(
    parsed.map(({ head: { method, target, isOld, keepAlive }, body }) => [
      method,
      target,
      isOld,
      keepAlive,
      body,
    ]),
    [
      ['POST', '/mcp', false, true, 'hello'],
      ['GET', '/sse?x=%20y', false, false, ''],
      ['POST', '/mcp', false, true, 'hello'],
      ['DELETE', '/mcp', true, false, ''],
    ],
  );
  assert.deepEqual(
    { ...parsed[0]?.head.headers },
    { host: 'a', 'content-length': '5', 'x-a': 'b, c' },
  );
});

test('R-14 refuses requests that another parser could read differently', () => {
  for (const [first = '', ...rest] of [
    // Two lengths, or a length and chunks: request smuggling.
    [...POST, 'Content-Length: 1', 'Content-Length: 1', '', 'a'],
    [...POST, 'Content-Length: 1, 1', '', 'a'],
    [...POST, 'Content-Length: 5', 'Transfer-Encoding: chunked', '', '0', '', ''],
    [...POST, 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked', '', '0', '', ''],
    ...['gzip, chunked', 'identity', 'chunked, identity', 'xchunked', 'chunked;q=1', ''].map(
      (coding) => POST.concat(`Transfer-Encoding: ${coding}`, '', '0', '', ''),
    ),
    ...['+1', '-1', '0x1', '1 1', '1.0', '1e0', '', '\xb9', '99999999999999999999'].map((length) =>
      POST.concat(`Content-Length: ${length}`, '', 'a'),
    ),
    ['POST /mcp HTTP/1.0', 'Transfer-Encoding: chunked', '', '0', '', ''],
    // Fields.
    [...POST, 'Content-Length : 1', '', 'a'],
    [...POST, ' Content-Length: 1', '', 'a'],
    [...POST, 'X: a', ' folded: b', '', ''],
    [...POST, 'X: a', '\tfolded', '', ''],
    [...POST, 'no colon', '', ''],
    [...POST, ': empty', '', ''],
    [...POST, 'x(y: 1', '', ''],
    [...POST, 'X: a\0b', '', ''],
    [...POST, 'X: a\rb', '', ''],
    [...POST, 'X: a\x7fb', '', ''],
    [...POST, 'X:\ta', '', ''],
    // Hosts.
    ['GET / HTTP/1.1', '', ''],
    ['GET / HTTP/1.1', 'Host: a', 'Host: b', '', ''],
    ['GET / HTTP/1.1', 'Host: a', 'host: a', '', ''],
    // Request lines.
    ...[
      'GET  / HTTP/1.1',
      'GET /  HTTP/1.1',
      'GET\t/ HTTP/1.1',
      ' GET / HTTP/1.1',
      'get / HTTP/1.1',
      'G@T / HTTP/1.1',
      'GET / HTTP/1.2',
      'GET / HTTP/2.0',
      'GET / http/1.1',
      'GET / HTTP/1.1 ',
      'GET /',
      'GET /a b HTTP/1.1',
      'GET /a\tb HTTP/1.1',
      'GET /a\0 HTTP/1.1',
      'GET /\xe4 HTTP/1.1',
      'GET /#a HTTP/1.1',
      'GET http://a/ HTTP/1.1',
      'GET * HTTP/1.1',
      'CONNECT a:443 HTTP/1.1',
      'PRI * HTTP/2.0',
      '\x16\x03\x01\x02\x00\x01',
    ].map((line) => [line, 'Host: a', '', '']),
    ['', ...POST, '', ''],
  ] as string[][]) {
    refused(lines(first, ...rest));
  }
  refused('GET / HTTP/1.1\nHost: a\n\n');
  refused('GET / HTTP/1.1\r\nHost: a\n\r\n');
  refused('GET / HTTP/1.1\r\nHost: a\r\n\n');
  refused('\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n');
  refused(`${lines(...POST, 'Content-Length: 1', '', 'a')}\r\n`);
});

test('R-14 refuses chunks that are none, and trailers that speak of the length', () => {
  const chunked = (...rest: readonly string[]): string =>
    lines(...POST, 'Transfer-Encoding: chunked', '', ...rest);
  for (const rest of [
    ['5', 'hello!', '0', '', ''],
    ['0x5', 'hello', '0', '', ''],
    ['+5', 'hello', '0', '', ''],
    ['5 ', 'hello', '0', '', ''],
    ['100000000', 'a'],
    [`5;${'a'.repeat(1024)}`, 'hello', '0', '', ''],
    ['5;a=\r', 'hello', '0', '', ''],
    ['0', 'Content-Length: 5', '', ''],
    ['0', 'Transfer-Encoding: chunked', '', ''],
    ['0', 'bad trailer', '', ''],
    ['0', ...Array.from({ length: 200 }, () => 'a: bcdef'), '', ''],
  ]) {
    refused(chunked(...rest));
  }
  refused(`${chunked('5')}\nhello`);
});

test('R-14 a head that does not end is too long, not just malformed', () => {
  const tooLong = (text: string): void => {
    assert.throws(() => parse([text]), TooLongMessage, text.slice(0, 40));
  };
  tooLong(lines(...POST, `x: ${'a'.repeat(MAX_HEADER_BYTES)}`));
  tooLong(lines(...POST, `x: ${'a'.repeat(MAX_HEADER_BYTES)}`, '', ''));
  tooLong(`GET /${'a'.repeat(MAX_HEADER_BYTES)}`);
  tooLong(lines(...POST, ...Array.from({ length: MAX_HEADER_BYTES / 4 }, () => 'a: b')));
});

test('R-14 tells what is no HTTP by its first bytes', () => {
  for (const text of ['\x16\x03\x01', '{', '\n', 'ge', 'A'.repeat(21), 'GET\t', 'GET x'])
    refused(text);
  for (const text of ['G', 'GET', 'GET ', 'GET /', 'OPTIONS /a'])
    assert.deepEqual(parse([text]), []);
});

test('R-14 reads the same whatever the pieces', () => {
  const body = fc.string({
    unit: fc.constantFrom('a', '\r', '\n', '0', 'P', '\xff'),
    maxLength: 30,
  });
  const request = fc.oneof(
    body.map((text) => lines(...POST, `content-length: ${text.length}`, '', text)),
    fc
      .array(
        body.filter((text) => text !== ''),
        { maxLength: 3 },
      )
      .map((texts) => {
        const chunks = texts.flatMap((text) => [text.length.toString(16), text]);
        return lines(...POST, 'transfer-encoding: chunked', '', ...chunks, '0', 'x: y', '', '');
      }),
    fc.constant(lines('GET /mcp HTTP/1.1', 'host: a', '', '')),
  );
  const whole = fc.array(request, { minLength: 1, maxLength: 3 }).map((all) => all.join(''));
  fc.assert(
    fc.property(whole, fc.array(fc.nat(300), { maxLength: 8 }), (text, cuts) => {
      const at = [0, ...cuts.toSorted((one, other) => one - other), text.length];
      const pieces = at
        .slice(1)
        .map((end, index) => text.slice(at[index], Math.max(at[index] as number, end)));
      assert.deepEqual(parse(pieces), parse([text]));
      assert.deepEqual(parse(Array.from(text)), parse([text]));
    }),
  );
});
