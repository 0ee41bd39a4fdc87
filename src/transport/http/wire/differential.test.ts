/**
 * The parser beside Node.js's own (llhttp), on spoiled responses: what it takes, the other takes too,
 * and both make the same of it. `POSTERN_SOAK=1` takes the full number.
 */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { randomNumbers } from '../../../../test/support/random.ts';
import { ResponseParser } from './response-parser.ts';

const RESPONSES = 2000;
const SOAK_RESPONSES = 200_000;
const COUNT = process.env['POSTERN_SOAK'] === '1' ? SOAK_RESPONSES : RESPONSES;

const WHOLE = [
  'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"a":"b c"}',
  'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: keep-alive\r\n\r\n' +
    '5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nx-sum: 1\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.0 500 Internal Server Error\r\nServer: a\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n\r\nto the end',
  'HTTP/1.1 204 No Content\r\nmcp-session-id: abc\r\n\r\n',
  'HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n',
];
const PARTS = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  ':',
  ';',
  ',',
  '\x7f',
  '\xff',
  '0',
  '1',
  '5',
  'a',
  '0\r\n\r\n',

  'content-length: 1\r\n',
  'Content-Length: 11\r\n',
  'transfer-encoding: chunked\r\n',
  ' folded\r\n',

  'Transfer-Encoding: gzip, chunked\r\n',
  'connection: close\r\n',
  'x: y\r\n',
  'HTTP/1.1 200 OK\r\n\r\n',
];

/** What comes of a response; `null` when it is refused or not whole. */
interface Reading {
  readonly status: number;
  readonly fields: Readonly<Record<string, readonly string[]>>;
  readonly body: string;
}

test('R-14 takes no response that Node.js reads differently', { timeout: 3_600_000 }, async (t) => {
  const random = randomNumbers(Date.now());
  const below = (limit: number): number => Math.floor(random() * limit);
  const pick = (texts: readonly string[]): string => texts[below(texts.length)] as string;
  const spoil = (text: string): string => {
    const at = below(text.length + 1);
    const [before, behind] = [text.slice(0, at), text.slice(at)];
    const kind = below(4);
    if (kind === 0) return before + behind.slice(1 + below(3));
    if (kind === 1) return before + String.fromCharCode(below(256)) + behind.slice(1);
    return before + pick(PARTS) + (kind === 2 ? behind : pick(WHOLE).slice(below(60)));
  };
  const counts = { taken: 0, refused: 0 };
  for (let count = 0; count < COUNT; count += 1) {
    let text = pick(WHOLE);
    for (let times = below(3); times > 0; times -= 1) text = spoil(text);
    const mine = ours(text);
    if (mine === null) {
      counts.refused += 1;
      continue;
    }
    counts.taken += 1;
    assert.deepEqual(mine, await ofNode(text), JSON.stringify(text));
  }
  t.diagnostic(JSON.stringify(counts));
  assert.ok(counts.taken > COUNT / 10 && counts.refused > COUNT / 10);
});

function ours(text: string): Reading | null {
  let status = 0;
  let fields = {};
  let body = '';
  const parser = new ResponseParser(
    {
      onHead: (head) => {
        ({ status } = head);
        fields = Object.fromEntries(
          Object.entries(head.headers).map(([name, value]) => [name, [value].flat()]),
        );
      },
      onData: (chunk) => (body += chunk.toString('latin1')),
      onEnd: () => undefined,
    },
    16_384,
  );
  try {
    parser.push(Buffer.from(text, 'latin1'));
  } catch {
    return null;
  }
  return parser.end() ? { status, fields, body } : null;
}

function ofNode(text: string): Promise<Reading | null> {
  const connection = new Duplex({
    read: () => undefined,
    write(_chunk, _encoding, callback) {
      callback();
      this.push(Buffer.from(text, 'latin1'));
      this.push(null);
    },
  });
  return new Promise((resolve) => {
    const call = request({ createConnection: () => connection, method: 'GET' }, (response) => {
      let body = '';
      response.setEncoding('latin1');
      response.on('data', (chunk: string) => (body += chunk));
      response.on('close', () => {
        const { statusCode: status = 0, headersDistinct, complete } = response;
        resolve(
          complete ? { status, fields: { ...headersDistinct } as Reading['fields'], body } : null,
        );
      });
    });
    call.on('error', () => resolve(null));
    call.end();
  });
}
