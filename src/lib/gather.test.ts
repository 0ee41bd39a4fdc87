import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Gather } from './gather.ts';

const chunks = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 });
const toBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes);

test('R-14: chunks are joined in their order, whether their length is known or not', () => {
  fc.assert(
    fc.property(chunks, fc.option(fc.nat({ max: 500 })), (parts, expected) => {
      const gather = new Gather();
      if (expected !== null) gather.expect(expected);
      for (const part of parts) gather.append(toBuffer(part));
      const whole = Buffer.concat(parts.map(toBuffer));
      assert.equal(gather.length, whole.length);
      assert.deepEqual(gather.first(7), whole.subarray(0, 7));
      assert.deepEqual(gather.take(), whole);
      assert.equal(gather.length, 0);
      assert.equal(gather.take().length, 0);
    }),
  );
});

test('R-14: what was taken is not written to any more', () => {
  const gather = new Gather();
  gather.expect(4);
  gather.append(Buffer.from('ab'));
  const taken = gather.take();
  gather.append(Buffer.from('cd'));
  gather.append(Buffer.from('ef'));
  assert.equal(taken.toString(), 'ab');
  assert.equal(gather.take().toString(), 'cdef');
});

test('R-14: a single chunk is handed out as it came', () => {
  const gather = new Gather();
  const chunk = Buffer.from('abc');
  gather.append(chunk);
  assert.equal(gather.take().buffer, chunk.buffer);
});
