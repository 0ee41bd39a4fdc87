import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Outline } from './outline.ts';

const KNOWN = { method: 'exact', params: { name: 'any' }, Kelvin: 'any', _meta: 'any' } as const;
const { root } = new Outline(KNOWN);
const names = Object.keys(KNOWN);

/** Known keys with some of their letters changed, and others. */
const keys = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc
    .tuple(
      fc.constantFrom(...names),
      fc.array(fc.tuple(fc.nat(9), fc.constantFrom(...Array.from('AaKk\u212aſSs\u0130ı_')))),
    )
    .map(([name, changes]) => {
      const letters = Array.from(name);
      for (const [at, letter] of changes) if (at < letters.length) letters[at] = letter;
      return letters.join('');
    }),
  fc
    .tuple(fc.constantFrom(...names), fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }))
    .map(([name, upper]) =>
      Array.from(name)
        .map((c, at) => (upper[at] === true ? c.toUpperCase() : c.toLowerCase()))
        .join(''),
    ),
);

test('R-12: a key is judged alike by its bytes and by what it says', () => {
  const judge = (bytes: Buffer, text: string | null): string => {
    try {
      return root.find(bytes, 0, bytes.length, text)?.name ?? 'unknown';
    } catch {
      return 'refused';
    }
  };
  fc.assert(
    fc.property(keys, (key) => {
      const bytes = Buffer.from(key);
      assert.equal(judge(bytes, null), judge(bytes, bytes.toString()));
    }),
    { numRuns: 2000 },
  );
  assert.equal(judge(Buffer.from('PARAMS'), null), 'refused');
  assert.equal(judge(Buffer.from('paramſ'), null), 'refused');
  assert.equal(judge(Buffer.from('program'), null), 'unknown');
});
