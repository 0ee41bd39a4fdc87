import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { SseEvent } from './sse-event.ts';
import { formatEvent, SSE_HEARTBEAT, SseParser } from './sse.ts';

const PLENTY = 1024 * 1024;

function parse(chunks: readonly (Buffer | string)[], maxBytes = PLENTY): SseEvent[] {
  const parser = new SseParser(maxBytes);
  const events: SseEvent[] = [];
  for (const chunk of chunks) parser.push(Buffer.from(chunk as string), events);
  parser.end(events);
  return events;
}

function plain(text: string): boolean | undefined {
  return parse([text])[0]?.plain;
}

function messages(text: string): (string | null)[] {
  return parse([text]).map((event) => event.message?.toString() ?? null);
}

test('fields are read as the standard says', () => {
  const [event] = parse(['id: 7\nevent: message\nretry: 10\n: comment\ndata: {"a":1}\n\n']);
  assert.equal(event?.message?.toString(), '{"a":1}');
  assert.equal(event?.id, '7');
  assert.equal(event?.type, 'message');
  assert.equal(event?.plain, true);
});

test('every line end ends lines and events', () => {
  assert.deepEqual(messages('data: a\n\ndata: b\n\n'), ['a', 'b']);
  assert.deepEqual(messages('data: a\r\n\r\ndata: b\r\n\r\n'), ['a', 'b']);
  assert.deepEqual(messages('data: a\r\rdata: b\r\r'), ['a', 'b']);
  assert.deepEqual(messages('data: a\r\n\ndata: b\n\r\ndata: c\r\r\ndata: d\n\r'), [
    'a',
    'b',
    'c',
    'd',
  ]);
});

test('data lines join, one space is dropped, and data may be missing', () => {
  assert.deepEqual(messages('data: a\ndata:b\ndata:  c\ndata\n\n'), ['a\nb\n c\n']);
  assert.deepEqual(messages('id: 1\ndata:\n\n'), [null]);
  assert.deepEqual(messages(': ping\n\n'), [null]);
  assert.deepEqual(messages('\n\n\ndata: a\n\n'), ['a']);
});

test('an unfinished event is dropped, and one that ends in CR waits for no LF', () => {
  assert.deepEqual(messages('data: a\n\ndata: b\n'), ['a']);
  const parser = new SseParser(PLENTY);
  const events: SseEvent[] = [];
  parser.push(Buffer.from('data: a\r\r'), events);
  assert.equal(events.length, 1);
});

test('a byte order mark counts at the start alone', () => {
  assert.deepEqual(messages('\ufeffdata: a\n\n\ufeffdata: b\n\n'), ['a', null]);
  assert.deepEqual(
    parse(['\ufeffdata: a\n\ndata: b\n\n']).map((event) => event.plain),
    [false, true],
  );
});

test('what parsers may read differently is marked', () => {
  assert.equal(plain('data: a\r\n\r\n'), true);
  assert.equal(plain('data: a\r\r'), false);
  assert.equal(plain('Data: a\n\n'), false);
  assert.equal(plain(' data: a\n\n'), false);
  assert.equal(plain('data : a\n\n'), false);
  assert.equal(plain('id: a\0b\ndata: a\n\n'), false);
});

test('an event over the bound is refused, in one chunk or many', () => {
  const refused = { code: 'POSTERN_UPSTREAM_MESSAGE_TOO_LARGE' };
  assert.throws(() => parse([`data: ${'x'.repeat(100)}\n\n`], 64), refused);
  assert.throws(
    () =>
      parse(
        Array.from({ length: 100 }, () => 'x'),
        64,
      ),
    refused,
  );
  assert.throws(() => parse(['a\n'.repeat(300_000)]), refused);
  assert.equal(
    parse(
      Array.from({ length: 50 }, () => 'data: x\n\n'),
      64,
    ).length,
    50,
  );
});

test('time is linear in bytes, whatever their shape', () => {
  const shapes = [
    Array.from({ length: 100_000 }, () => Buffer.from('x')),
    [Buffer.from('a\n'.repeat(200_000)), Buffer.from('\r'.repeat(400_000))],
    [Buffer.from('\n'.repeat(400_000))],
    [Buffer.from(`data: ${'x'.repeat(900_000)}`)],
  ];
  for (const chunks of shapes) {
    const startedAt = performance.now();
    assert.throws(() => parse([...chunks, '\n\n', 'x'.repeat(PLENTY + 1)]));
    assert.ok(performance.now() - startedAt < 5000);
  }
});

const line = fc.oneof(
  fc.constantFrom('data: {"a":1}', 'data:b', 'data', 'event: message', 'id: 1', ': c', ''),
  fc.constantFrom('event: message\ndata: {"a":1}', 'data: {"a":1}\n', 'event: message\ndata: \n'),
  fc.constantFrom('retry: 5', '\ufeffdata: x', 'Data: y', 'id: \0', 'data: é\u2028z'),
);
const ending = fc.constantFrom('\n', '\r\n', '\r');
const stream = fc
  .array(fc.tuple(line, ending), { maxLength: 24 })
  .map((lines) => Buffer.from(`${lines.flat().join('')}\n\n\n`));

test('chunks do not matter, and the wire is the stream', () => {
  fc.assert(
    fc.property(stream, fc.array(fc.nat(200), { maxLength: 20 }), (bytes, cuts) => {
      const whole = parse([bytes]);
      const chunks: Buffer[] = [];
      let at = 0;
      for (const cut of cuts.toSorted((a, b) => a - b)) {
        chunks.push(bytes.subarray(at, cut));
        at = Math.max(at, Math.min(cut, bytes.length));
      }
      chunks.push(bytes.subarray(at));
      assert.deepEqual(parse(chunks), whole);
      const single = Array.from(bytes, (byte) => Buffer.from([byte]));
      assert.deepEqual(parse(single), whole);
      const wire = Buffer.concat(whole.map((event) => event.wire));
      assert.deepEqual(wire, bytes.subarray(0, wire.length));
      assert.match(bytes.subarray(wire.length).toString(), /^[\r\n]*$/);
    }),
    { numRuns: 500 },
  );
});

test('a written event reads as its message', () => {
  const text = fc
    .string({ unit: 'grapheme', minLength: 1 })
    .filter((value) => value.isWellFormed());
  fc.assert(
    fc.property(text, fc.option(fc.stringMatching(/^[\x20-\x7e]+$/)), (message, id) => {
      const [event, ...more] = parse([formatEvent(Buffer.from(message), id)]);
      assert.equal(more.length, 0);
      const joined = message.replace(/\r\n|\r/g, '\n');
      assert.equal(event?.message?.toString(), joined);
      assert.equal(event?.id, id);
      assert.equal(event?.plain, true);
    }),
  );
  assert.throws(() => formatEvent(Buffer.from('{}'), 'a\nb'), TypeError);
  assert.equal(parse([SSE_HEARTBEAT])[0]?.message, null);
});
