import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EventReader } from './event-reader.ts';
import { messagesOf, ResponseReader } from './response.ts';

const SIZED =
  'HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}';
const CHUNKED =
  'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nmcp-session-id: s1\r\ntransfer-encoding: chunked\r\n\r\n' +
  'a\r\ndata: 1234\r\n2\r\n\n\n\r\n0\r\n\r\n';

function readAll(text: string, cuts: readonly number[] = []): ReturnType<ResponseReader['push']> {
  const bytes = Buffer.from(text);
  const reader = new ResponseReader();
  const ends = [...cuts.map((cut) => cut % bytes.length), bytes.length].toSorted((a, b) => a - b);
  let from = 0;
  for (const end of ends) {
    const response = reader.push(bytes.subarray(from, end));
    if (response !== null) {
      assert.equal(end, bytes.length, 'complete before its end');
      return response;
    }
    from = end;
  }
  return null;
}

test('a response is the same however its bytes arrive', () => {
  fc.assert(
    fc.property(fc.constantFrom(SIZED, CHUNKED), fc.array(fc.nat()), (text, cuts) => {
      const response = readAll(text, cuts);
      assert.deepEqual(
        [response?.head.status, response?.head.mediaType, response?.body.toString()],
        text === SIZED
          ? [200, 'application/json', '{}']
          : [200, 'text/event-stream', 'data: 1234\n\n'],
      );
      assert.equal(response?.head.sessionId, text === SIZED ? null : 's1');
    }),
  );
});

test('anything but one well-formed response is an error', () => {
  const wrong = [
    `${SIZED}x`,
    `${CHUNKED}HTTP/1.1`,
    'HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n',
    'HTTP/1.1 200 OK\r\n\r\n',
    'HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\n{}',
    'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n{}',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;x\r\n{}\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}xx0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nno header\r\ncontent-length: 0\r\n\r\n',
  ];
  for (const text of wrong) assert.throws(() => readAll(text), Error, text);
});

test('messages of an event stream', () => {
  const stream = ': hello\n\nid: 1\ndata:\n\nevent: message\r\nid: 2\r\ndata: {"a":1}\r\n\r\n';
  assert.deepEqual(messagesOf(Buffer.from(stream)).map(String), ['{"a":1}']);
  assert.throws(() => messagesOf(Buffer.from('data: 1\ndata: 2\n\n')), /several lines/);
});

test('an event stream is the same however its bytes arrive', () => {
  const stream = Buffer.from('data: one\n\n: x\r\ndata:two\r\n\r\nid: 3\ndata: three\n\n');
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length)), (cuts) => {
      const seen: string[] = [];
      const reader = new EventReader((data) => seen.push(data.toString()));
      const ends = [...cuts, stream.length].toSorted((a, b) => a - b);
      for (const [index, end] of ends.entries()) {
        reader.push(stream.subarray(ends[index - 1] ?? 0, end));
      }
      assert.deepEqual(seen, ['one', 'two', 'three']);
    }),
  );
});
