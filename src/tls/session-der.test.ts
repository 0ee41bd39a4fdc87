import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { kexGroupOfSession } from './session-der.ts';

/** SEQUENCE { INTEGER 1, [19] { INTEGER 0x11ec } }, as OpenSSL nests it. */
const session = Buffer.from('3009020101b304020211ec', 'hex');

test('R-04 reads the group out of a session', () => {
  assert.equal(kexGroupOfSession(session), 0x11ec);
});

test('gives nothing for a session without a group, or cut short', () => {
  assert.equal(kexGroupOfSession(Buffer.from('3003020101', 'hex')), undefined);
  for (let length = 0; length < session.length; length += 1) {
    assert.equal(kexGroupOfSession(session.subarray(0, length)), undefined);
  }
});

test('never throws on other bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      const group = kexGroupOfSession(bytes);
      assert.ok(group === undefined || Number.isInteger(group));
    }),
    { numRuns: 5000 },
  );
});
