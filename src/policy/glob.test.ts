import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compileGlob, globReaches } from './glob.ts';

test('matches literally but for the star', () => {
  assert.equal(compileGlob('read_*')('read_file'), true);
  assert.equal(compileGlob('read_*')('xread_file'), false);
  assert.equal(compileGlob('a.c')('abc'), false);
  assert.equal(compileGlob('Echo')('echo'), false);
  assert.equal(compileGlob('*b*b')('abab'), true);
  assert.equal(compileGlob('a**b')('ab'), true);
  assert.equal(compileGlob('')(''), true);
});

test('agrees with the regular expression that means the same', () => {
  const unit = fc.constantFrom('a', 'b', '*', '.', '(');
  fc.assert(
    fc.property(
      fc.string({ unit, maxLength: 12 }),
      fc.string({ unit: fc.constantFrom('a', 'b', '.', '(', '\n'), maxLength: 20 }),
      (pattern, text) => {
        const source = pattern
          .split('*')
          .map((part) => RegExp.escape(part))
          .join('.*');
        assert.equal(compileGlob(pattern)(text), new RegExp(`^${source}$`, 's').test(text));
      },
    ),
    { numRuns: 3000 },
  );
});

test('stays quick on patterns that make backtracking matchers explode', () => {
  assert.equal(compileGlob('*a'.repeat(200) + 'b')('a'.repeat(10_000)), false);
});

test('a pattern reaches a beginning exactly when it matches something that begins so', () => {
  const some = fc.string({ unit: fc.constantFrom('a', 'b', '*'), minLength: 1, maxLength: 5 });
  const beginnings = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(some, beginnings, (pattern, beginning) => {
      const matches = compileGlob(pattern);
      const found = CONTINUATIONS.some((rest) => matches(beginning + rest));
      assert.equal(globReaches(pattern, beginning), found);
    }),
  );
});

/** Every text of "a" and "b" with one to five letters: as long as the patterns are. */
const CONTINUATIONS = [1, 2, 3, 4, 5].flatMap((length) =>
  Array.from({ length: 2 ** length }, (_, bits) =>
    bits.toString(2).padStart(length, '0').replaceAll('0', 'a').replaceAll('1', 'b'),
  ),
);
