import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MalformedMessage } from './malformed.ts';
import { ResponseParser } from './response-parser.ts';
import type { WireHead } from './wire-head.ts';

const MAX_HEADER_BYTES = 1024;

interface Parsed {
  readonly head: WireHead;
  readonly body: string;
  /** `null` while more has to come. */
  readonly over: boolean;
}

/** @param pieces in which the response comes, and then its end unless `stays`. */
function parse(pieces: readonly (string | Buffer)[], stays = false): Parsed {
  let head: WireHead | null = null;
  let body = '';
  let ends = 0;
  const parser = new ResponseParser(
    {
      onHead: (each) => {
        assert.equal(head, null);
        head = each;
      },
      onData: (chunk) => {
        assert.ok(head !== null && ends === 0);
        assert.ok(chunk.length > 0);
        body += chunk.toString('latin1');
      },
      onEnd: () => {
        assert.ok(head !== null);
        ends += 1;
      },
    },
    MAX_HEADER_BYTES,
  );
  for (const piece of pieces) parser.push(Buffer.from(piece as string, 'latin1'));
  const over = stays ? parser.isOver : parser.end();
  assert.equal(ends, over ? 1 : 0);
  assert.ok(head !== null, 'the head has not come');
  return { head, body, over };
}

const response = (...lines: readonly string[]): string => lines.join('\r\n');
const chunked = (...rest: readonly string[]): string =>
  response('HTTP/1.1 200 OK', 'transfer-encoding: chunked', '', ...rest);
const malformed = (text: string): void => {
  assert.throws(() => parse([text], true), MalformedMessage, JSON.stringify(text));
};

test('R-14 reads a response of a declared length', () => {
  const text = response(
    'HTTP/1.1 200 OK',
    'Content-Type:application/json',
    'X-Empty:',
    'Set-Cookie: a=1',
    'set-cookie:   b=\t2  ',
    'Content-Length: 5',
    '',
    'hello',
  );
  const { head, body, over } = parse([text], true);
  assert.deepEqual([head.status, head.keepAlive, body, over], [200, true, 'hello', true]);
  assert.deepEqual(
    { ...head.headers },
    {
      'content-type': 'application/json',
      'x-empty': '',
      'set-cookie': ['a=1', 'b=\t2'],
      'content-length': '5',
    },
  );
});

test('R-14 reads chunks, with extensions and trailers', () => {
  const text = chunked(
    '5',
    'hello',
    '1;a="b"',
    ' ',
    '00000A',
    '0123456789',
    '0',
    'X-Sum: 1',
    '',
    '',
  );
  const { body, over, head } = parse([text], true);
  assert.deepEqual([body, over, 'x-sum' in head.headers], ['hello 0123456789', true, false]);
});

test('R-14 reads to the end of the connection when nothing else is said', () => {
  const text = response('HTTP/1.1 200', '', 'to the end');
  assert.equal(parse([text], true).over, false);
  const { head, body, over } = parse([text]);
  assert.deepEqual([head.keepAlive, body, over], [false, 'to the end', true]);
});

test('R-14 tells a response that was cut short', () => {
  for (const text of [
    response('HTTP/1.1 200 OK', 'content-length: 6', '', 'hello'),
    chunked('5', 'hel'),
    chunked('5', 'hello', ''),
    chunked('0', ''),
    chunked('0', 'x-sum: 1', ''),
  ]) {
    assert.equal(parse([text]).over, false, text);
  }
});

test('R-14 skips responses before the final one, but not many, and no change of protocol', () => {
  const early = response('HTTP/1.1 103 Early Hints', 'link: </a>', '', '');
  const final = response('HTTP/1.1 204 No Content', '', '');
  const { head } = parse([early.repeat(32) + final], true);
  assert.deepEqual([head.status, head.headers['link']], [204, undefined]);
  malformed(early.repeat(33) + final);
  malformed(response('HTTP/1.1 103 Early Hints', 'connection: close', '', '') + final);
  malformed(response('HTTP/1.1 101 Switching Protocols', 'upgrade: x', '', ''));
});

test('R-14 knows which connections go on', () => {
  const keeps = (version: string, ...fields: string[]): boolean =>
    parse([response(`HTTP/${version} 200 OK`, 'content-length: 0', ...fields, '', '')], true).head
      .keepAlive;
  assert.deepEqual(
    [
      keeps('1.1'),
      keeps('1.1', 'connection: Keep-Alive'),
      keeps('1.1', 'Connection: foo, Close'),
      keeps('1.1', 'connection: a', 'connection: close'),
      keeps('1.0'),
      keeps('1.0', 'connection: keep-alive'),
    ],
    [true, true, false, false, false, true],
  );
});

test('R-14 refuses what two parsers could read differently', () => {
  const ok = 'HTTP/1.1 200 OK';
  for (const lines of [
    // Two lengths, or a length and chunks: where the next response begins is anybody's guess.
    [ok, 'content-length: 1', 'content-length: 1', '', 'a'],
    [ok, 'content-length: 1, 1', '', 'a'],
    [ok, 'content-length: 1', 'transfer-encoding: chunked', '', '0', '', ''],
    [ok, 'transfer-encoding: chunked', 'content-length: 1', '', '0', '', ''],
    [ok, 'transfer-encoding: chunked', 'transfer-encoding: chunked', '', '0', '', ''],
    [ok, 'transfer-encoding: gzip, chunked', '', '0', '', ''],
    [ok, 'transfer-encoding: xchunked', '', '0', '', ''],
    [ok, 'transfer-encoding: identity', '', ''],
    ['HTTP/1.0 200 OK', 'transfer-encoding: chunked', '', '0', '', ''],
    ...['+1', '-1', '0x1', '1e1', '1.0', ' ', '', '1 1', '１', '9'.repeat(16)].map((length) => [
      ok,
      `content-length: ${length}`,
      '',
      'a',
    ]),
    // Header fields.
    [ok, 'content-length : 1', '', 'a'],
    [ok, ' content-length: 1', '', 'a'],
    [ok, 'x: a', ' content-length: 1', '', 'a'],
    [ok, 'x: a', '\tb', '', ''],
    [ok, ': a', '', ''],
    [ok, 'no colon', '', ''],
    [ok, 'x\0: a', '', ''],
    [ok, 'x: a\0b', '', ''],
    [ok, 'x: a\rcontent-length: 1', '', 'a'],
    [ok, 'x: a\ncontent-length: 1', '', 'a'],
    [ok, 'x: a\u007f', '', ''],
    [ok, 'x:\ta', '', ''],
    [ok, 'transfer-encoding: chunked\t', '', '0', '', ''],
    [ok, 'content-length: 1 \t', '', 'a'],
    ['', ok, '', ''],
    // Status lines.
    ...[
      'HTTP/1.1 20 OK',
      'HTTP/1.1 2000 OK',
      'HTTP/1.1 099 OK',
      'HTTP/1.1  200 OK',
      'HTTP/1.1\t200 OK',
      'http/1.1 200 OK',
      'HTTP/2.0 200 OK',
      'HTTP/1.2 200 OK',
      ' HTTP/1.1 200 OK',
      'ICY 200 OK',
      'HTTP/1.1 200 O\0K',
      'HTTP/1.1 200 O\rK',
    ].map((line) => [line, 'content-length: 0', '', '']),
  ]) {
    malformed(response(...lines));
  }
  // Line ends.
  malformed('HTTP/1.1 200 OK\ncontent-length: 0\n\n');
  malformed('HTTP/1.1 200 OK\r\ncontent-length: 0\n\r\n');
  malformed('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\n');
  malformed('\nHTTP/1.1 200 OK\r\n\r\n');
});

test('R-14 refuses chunks that are none', () => {
  for (const lines of [
    ['5', 'hello!', '0', '', ''],
    ['5', 'hell', '0', '', ''],
    ['', 'hello'],
    ['0x5', 'hello', '0', '', ''],
    ['+5', 'hello', '0', '', ''],
    [' 5', 'hello', '0', '', ''],
    ['5 ', 'hello', '0', '', ''],
    ['-1', 'hello', '0', '', ''],
    ['g', 'hello'],
    ['100000000', 'hello'],
    ['5;\0', 'hello', '0', '', ''],
    ['5;a\nb', 'hello', '0', '', ''],
    [`5;${'a'.repeat(1024)}`, 'hello', '0', '', ''],
    ['0', 'bad trailer', '', ''],
    ['0', ' folded: 1', '', ''],
  ]) {
    malformed(chunked(...lines));
  }
  malformed(`${chunked('5')}\nhello`);
  malformed(`${chunked('5')}\r\nhello\n0\r\n\r\n`);
  malformed(chunked('0', ...Array.from({ length: 200 }, () => 'a: bcdef'), '', ''));
});

test('R-14 reads whether the connection goes on, however it is said', () => {
  const keepAlive = (...lines: readonly string[]): boolean =>
    parse([response(...lines, 'content-length: 0', '', '')]).head.keepAlive;
  assert.equal(keepAlive('HTTP/1.1 200 OK'), true);
  assert.equal(keepAlive('HTTP/1.1 200 OK', 'Connection: keep-alive'), true);
  assert.equal(keepAlive('HTTP/1.1 200 OK', 'Connection: x-hop,  Close'), false);
  assert.equal(keepAlive('HTTP/1.1 200 OK', 'Connection: keep-alive', 'Connection: close'), false);
  assert.equal(keepAlive('HTTP/1.0 200 OK'), false);
  assert.equal(keepAlive('HTTP/1.0 200 OK', 'Connection: Keep-Alive'), true);
});

test('R-14 refuses bytes behind a response, and a head that does not end', () => {
  malformed(`${response('HTTP/1.1 200 OK', 'content-length: 1', '', 'a')}b`);
  malformed(`${response('HTTP/1.1 204 No Content', '', '')}b`);
  malformed(`${response('HTTP/1.1 304 Not Modified', 'content-length: 5', '', '')}hello`);
  malformed(`${chunked('0', '', '')}HTTP/1.1 200 OK\r\n\r\n`);
  malformed(response('HTTP/1.1 200 OK', `x: ${'a'.repeat(MAX_HEADER_BYTES)}`));
  malformed(
    response('HTTP/1.1 200 OK', ...Array.from({ length: MAX_HEADER_BYTES / 4 }, () => 'a:')),
  );
  malformed('a'.repeat(MAX_HEADER_BYTES + 1));
  for (const text of ['S', 'HTTP/2', 'HTTQ', '\x16\x03\x01', '* OK']) malformed(text);
});

test('R-14 reads the same whatever the pieces', () => {
  const body = fc.string({
    unit: fc.constantFrom('a', '\r', '\n', '0', ':', '\xff'),
    maxLength: 40,
  });
  const whole = fc.oneof(
    body.map((text) => response('HTTP/1.1 200 OK', `content-length: ${text.length}`, '', text)),
    fc
      .array(
        body.filter((text) => text !== ''),
        { maxLength: 4 },
      )
      .map((texts) =>
        chunked(...texts.flatMap((text) => [text.length.toString(16), text]), '0', 'x: y', '', ''),
      ),
    body.map((text) => response('HTTP/1.1 100 Continue', '', 'HTTP/1.0 500 No', 'a: b', '', text)),
  );
  fc.assert(
    fc.property(whole, fc.array(fc.nat(200), { maxLength: 8 }), (text, cuts) => {
      const at = [0, ...cuts.toSorted((one, other) => one - other), text.length];
      const pieces = at
        .slice(1)
        .map((end, index) => text.slice(at[index], Math.max(at[index] as number, end)));
      assert.deepEqual(parse(pieces), parse([text]));
      assert.deepEqual(parse(Array.from(text)), parse([text]));
    }),
  );
});
