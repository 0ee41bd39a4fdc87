import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import fc from 'fast-check';
import {
  buildHello,
  extension,
  helloMessage,
  inRecords,
  payloadOf,
  record,
} from '../client-hello.fixture.ts';
import { helloOfNode } from './captured-hello.fixture.ts';
import type { HelloProgress } from './reader.ts';
import { HelloReader } from './reader.ts';

const MAX_BYTES = 65_536;

let real: Buffer;
let realMessage: Buffer;
before(async () => {
  real = await helloOfNode({ ecdhCurve: 'X25519MLKEM768', servername: 'agent.example' });
  realMessage = payloadOf(real);
});

function readWhole(bytes: Buffer, maxBytes = MAX_BYTES): HelloProgress {
  return new HelloReader(maxBytes).push(bytes);
}

/** The answer after the last chunk, each of at most `size` bytes. */
function readInChunks(bytes: Buffer, size: number, maxBytes = MAX_BYTES): HelloProgress {
  const reader = new HelloReader(maxBytes);
  let progress: HelloProgress = { kind: 'more' };
  for (let at = 0; at < bytes.length; at += size) {
    progress = reader.push(bytes.subarray(at, at + size));
  }
  return progress;
}

/** What the bytes are, which must not depend on how they arrive. */
function verdictOn(bytes: Buffer, maxBytes = MAX_BYTES): HelloProgress {
  const whole = readWhole(bytes, maxBytes);
  assert.deepEqual(readInChunks(bytes, 1, maxBytes), whole);
  return whole;
}

function assertUnreadable(bytes: Buffer, reason: string, maxBytes = MAX_BYTES): void {
  assert.deepEqual(verdictOn(bytes, maxBytes), { kind: 'unreadable', reason });
}

test('R-08 a hello in single bytes reads as the whole one does, at its last byte', () => {
  const reader = new HelloReader(MAX_BYTES);
  for (const byte of real.subarray(0, -1)) {
    assert.equal(reader.push(Buffer.of(byte)).kind, 'more');
  }
  const progress = reader.push(real.subarray(-1));
  assert.equal(progress.kind, 'complete');
  assert.deepEqual(progress, readWhole(real));
  assert.deepEqual(reader.received(), real);
});

test('R-08 a hello split over records of every size reads as the whole one does', () => {
  const whole = readWhole(real);
  assert.equal(whole.kind, 'complete');
  for (let size = 1; size <= realMessage.length; size += 1) {
    assert.deepEqual(readWhole(inRecords(realMessage, size)), whole, `records of ${size} bytes`);
  }
  for (const size of [1, 2, 3, 5, 700]) {
    const records = inRecords(realMessage, size);
    for (const chunk of [1, 4, 7]) assert.deepEqual(readInChunks(records, chunk), whole);
  }
});

test('R-08 whatever follows a hello changes nothing and is not waited for', () => {
  const whole = readWhole(real);
  const unfinishedMessage = record(Buffer.concat([realMessage, Buffer.alloc(50)])).subarray(0, -20);
  assert.deepEqual(verdictOn(unfinishedMessage), whole);
  const early = Buffer.concat([real, record(Buffer.alloc(9000), 0x17, 0x0303)]);
  assert.deepEqual(verdictOn(early, real.length), whole);
  const reader = new HelloReader(MAX_BYTES);
  const chunks = [early.subarray(0, 10), early.subarray(10)];
  assert.deepEqual(chunks.map((chunk) => reader.push(chunk)).at(-1), whole);
  assert.deepEqual(reader.received(), early, 'nothing may be lost on the way to OpenSSL');
});

test('one chunk is handed on without a copy', () => {
  const reader = new HelloReader(MAX_BYTES);
  reader.push(real);
  assert.equal(reader.received().buffer, real.buffer);
});

test('R-08 what is no TLS handshake is told at its first or second byte', () => {
  const others: Readonly<Record<string, Buffer>> = {
    'an SSL 2.0 hello': Buffer.from('802e0100020015000000100100800200800300800400800500', 'hex'),
    'an alert': record(Buffer.of(1, 0), 0x15),
    'application data': record(Buffer.alloc(20), 0x17),
    HTTP: Buffer.from('GET / HTTP/1.1\r\n'),
    SSH: Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'),
    zeros: Buffer.alloc(40),
    'a version that never was': record(realMessage, 0x16, 0x0401),
  };
  for (const [what, bytes] of Object.entries(others)) {
    assert.deepEqual(verdictOn(bytes), { kind: 'not_tls' }, what);
    assert.deepEqual(verdictOn(bytes.subarray(0, 2)), { kind: 'not_tls' }, what);
  }
});

test('R-08 records that TLS forbids are unreadable', () => {
  const part = realMessage.subarray(0, 100);
  const wrongLength = 'a record has a length that is not allowed';
  assertUnreadable(record(Buffer.alloc(0)), wrongLength);
  assertUnreadable(Buffer.concat([record(part), record(Buffer.alloc(0))]), wrongLength);
  assertUnreadable(Buffer.from('1603014001', 'hex'), wrongLength);
  assert.equal(verdictOn(Buffer.from('1603014000', 'hex')).kind, 'more');
  const interrupted = 'the hello is interrupted';
  assertUnreadable(Buffer.concat([record(part), record(Buffer.of(1, 0), 0x15)]), interrupted);
  assertUnreadable(Buffer.concat([record(part), record(Buffer.of(1), 0x14)]), interrupted);
  assertUnreadable(Buffer.concat([record(part), record(part, 0x16, 0x0203)]), interrupted);
});

test('R-08 a handshake that starts with another message is unreadable', () => {
  const serverHello = Buffer.from(realMessage);
  serverHello[0] = 2;
  assertUnreadable(inRecords(serverHello), 'the first message is no ClientHello');
  assertUnreadable(inRecords(Buffer.of(0)), 'the first message is no ClientHello');
});

test('R-08 a hello may be as large as the bound and not a byte larger', () => {
  const tooLarge = 'the hello is too large';
  assert.equal(verdictOn(real, real.length).kind, 'complete');
  assertUnreadable(real, tooLarge, real.length - 1);
  const records = inRecords(realMessage, 1);
  assert.equal(verdictOn(records, records.length).kind, 'complete');
  assertUnreadable(records, tooLarge, records.length - 1);
});

test('R-08 a hello that says it will be too large is not waited for', () => {
  const announced = Buffer.concat([Buffer.from('16030100ff', 'hex'), Buffer.of(1, 1, 0, 0)]);
  assertUnreadable(announced, 'the hello is too large');
  assert.equal(verdictOn(announced, MAX_BYTES + 4).kind, 'more');
});

test('an answer is final', () => {
  const reader = new HelloReader(MAX_BYTES);
  assert.equal(reader.push(Buffer.alloc(0)).kind, 'more');
  const refused = reader.push(Buffer.from('GET'));
  assert.equal(reader.push(real), refused);
  assert.equal(reader.received().length, 3);
});

test('R-08 a hello of the largest size that fits its fields is read', () => {
  const padding = extension.other(21, Buffer.alloc(65_000));
  const message = buildHello({ extensions: [extension.supportedGroups([0x11ec]), padding] });
  const records = inRecords(message);
  assert.equal(verdictOn(records, records.length).kind, 'complete');
});

/** Bytes that get past the first checks more often than chance would have it. */
const bytesLikeTls = fc
  .record({
    start: fc.constantFrom(
      '',
      '16',
      '1603',
      '160301',
      '16030100',
      '160301004001',
      '16030100400100',
    ),
    rest: fc.uint8Array({ maxLength: 300 }),
    again: fc.boolean(),
  })
  .map(({ start, rest, again }) => {
    const once = Buffer.concat([Buffer.from(start, 'hex'), rest]);
    return again ? inRecords(helloMessage(once), 37) : once;
  });

test('R-08 any bytes get an answer within the bound, the same however they are cut', () => {
  const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(bytesLikeTls, cuts, fc.integer({ min: 1, max: 400 }), (bytes, sizes, maxBytes) => {
      const whole = readWhole(bytes, maxBytes);
      const reader = new HelloReader(maxBytes);
      let progress: HelloProgress = { kind: 'more' };
      for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
        const end = at + (sizes[turn % sizes.length] ?? 1);
        progress = reader.push(bytes.subarray(at, end));
        at = end;
      }
      assert.deepEqual(progress, whole);
      if (bytes.length >= maxBytes) assert.notEqual(whole.kind, 'more');
    }),
    { numRuns: 5000 },
  );
});

test('R-08 the cost of single bytes is linear in their number', () => {
  const bytes = inRecords(helloMessage(Buffer.alloc(2 ** 20)));
  const reader = new HelloReader(2 * bytes.length);
  const start = performance.now();
  for (let at = 0; at < bytes.length; at += 1) reader.push(bytes.subarray(at, at + 1));
  // About 0.2 s. Copying what came before at each byte would move half a terabyte.
  assert.ok(performance.now() - start < 15_000);
  assert.equal(reader.push(Buffer.alloc(0)).kind, 'unreadable');
});
