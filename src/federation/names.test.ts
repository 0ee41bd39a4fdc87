import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { federatedName, isShort, MAX_NAME_LENGTH, splitName } from './names.ts';

const alias = fc.stringMatching(/^[a-z0-9]{1,6}([_-][a-z0-9]{1,6}){0,3}$/);
const anyName = fc.oneof(
  fc.string({ minLength: 1, unit: 'binary' }),
  fc.stringMatching(/^[A-Za-z0-9_-]{1,80}$/),
  fc.stringMatching(/^[a-z]{1,8}-[0-9a-v]{16}$/),
);

test('R-23 federated names fit clients, tell their server, and are all different', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(alias, anyName), { selector: String }), (pairs) => {
      const names = pairs.map(([server, name]) => federatedName(`${server}__`, name));
      assert.equal(new Set(names).size, names.length);
      for (const [index, name] of names.entries()) {
        assert.match(name, /^[A-Za-z0-9_-]+$/);
        assert.ok(name.length <= MAX_NAME_LENGTH);
        const [server, own] = pairs[index] ?? [];
        const split = splitName('__', name);
        assert.equal(split?.alias, server);
        if (!isShort(split?.rest ?? '')) assert.equal(split?.rest, own);
      }
    }),
  );
});

test('R-23 a short name is the same in every process', () => {
  assert.equal(federatedName('files__', 'read_file'), 'files__read_file');
  assert.equal(federatedName('files__', 'read.file'), 'files__read_file-rkpcrt8e3t9v606a');
  const long = federatedName('files__', `read_${'x'.repeat(80)}`);
  assert.equal(long.length, MAX_NAME_LENGTH);
  assert.ok(long.startsWith('files__read_xxx'));
});

test('R-23 a name that only looks short cannot take the place of a shortened one', () => {
  const short = federatedName('a__', 'read.file');
  assert.notEqual(federatedName('a__', short.slice('a__'.length)), short);
});

test('R-14 what has no server in it is taken apart for none', () => {
  for (const name of ['', 'echo', '__echo', 'a_b', '___']) {
    assert.equal(splitName('__', name), null, name);
  }
});
