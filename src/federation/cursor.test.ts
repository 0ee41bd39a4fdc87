import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { InvalidParams } from '#mcp';
import { formatCursor, readCursor } from './cursor.ts';

test('R-23 a cursor carries those of the servers, and of nobody else', () => {
  const cursors = new Map([
    ['files', 'page-2'],
    ['memory', '7'],
  ]);
  const { cursor, left } = formatCursor(cursors);
  assert.deepEqual(left, []);
  assert.deepEqual(
    readCursor(cursor, () => true),
    cursors,
  );
  assert.deepEqual([...readCursor(cursor, (name) => name === 'memory').keys()], ['memory']);
  assert.equal(formatCursor(new Map()).cursor, null);
});

test('R-23 cursors that are too long are left out and named', () => {
  const cursors = new Map([
    ['huge', 'x'.repeat(5000)],
    ['odd', 'ü'],
    ...Array.from({ length: 20 }, (_, index) => [`s${index}`, 'y'.repeat(4000)] as const),
  ]);
  const { cursor, left } = formatCursor(cursors);
  assert.ok(left.includes('huge') && left.includes('odd') && left.includes('s19'));
  assert.equal(readCursor(cursor, () => true).size + left.length, cursors.size);
});

test('R-14 a cursor that this endpoint did not give is refused, whatever it is', () => {
  const hostile = [
    '',
    'x',
    'e30=',
    '!',
    null,
    7,
    {},
    'W10',
    'bnVsbA',
    'eyJhIjoxfQ',
    'A'.repeat(1e6),
  ];
  for (const cursor of hostile) {
    assert.throws(() => readCursor(cursor, () => true), InvalidParams);
  }
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.base64String()), (cursor) => {
      try {
        for (const own of readCursor(cursor, () => true).values())
          assert.equal(typeof own, 'string');
      } catch (thrown) {
        assert.ok(thrown instanceof InvalidParams);
      }
    }),
  );
});
