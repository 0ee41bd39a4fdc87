import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { crlNumber } from './extensions.ts';
import { makeAuthorities } from './make-identity.ts';
import { rehearse } from './rotation/rehearse.ts';
import { loadLibrary } from './x509-library.ts';

test('R-13 the longest trust domain fits into the constraint as the shortest does', async () => {
  const label = 'a'.repeat(49);
  for (const trustDomain of ['a', [label, label, label, label, label].join('.')]) {
    const authorities = await makeAuthorities({ trustDomain, nowMs: Date.now() });
    assert.equal((await rehearse(authorities, authorities)).length, 9, trustDomain);
  }
});

test('the number of a list is encoded as DER wants it', async () => {
  const x509 = await loadLibrary();
  fc.assert(
    fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (number) => {
      const value = Buffer.from(crlNumber(x509, number).value);
      assert.deepEqual([value[0], value[1]], [0x02, value.length - 2]);
      assert.equal(BigInt(`0x${value.subarray(2).toString('hex')}`), BigInt(number));
      const [first = 0, second = 0xff] = value.subarray(2);
      assert.ok(first < 0x80 && (first > 0 || second >= 0x80 || value.length === 3));
    }),
  );
});
