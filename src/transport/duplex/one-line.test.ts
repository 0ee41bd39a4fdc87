import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { asOneLine } from './one-line.ts';

test('a message of several lines becomes one with the same meaning', () => {
  fc.assert(
    fc.property(fc.json(), fc.constantFrom('\n', '\r', '\r\n'), (json, end) => {
      const value = JSON.parse(json) as unknown;
      const pretty = JSON.stringify(value, null, 2).replaceAll('\n', end);
      const line = asOneLine(Buffer.from(pretty)).toString();
      assert.doesNotMatch(line, /[\r\n]/);
      assert.deepEqual(JSON.parse(line), value);
    }),
  );
  const plain = Buffer.from('{"a":1}');
  assert.equal(asOneLine(plain), plain);
});
