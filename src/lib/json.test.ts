import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseJson } from './json.ts';

/** Keys that look alike once they are escaped. */
const KEY = fc.string({
  unit: fc.constantFrom('a', '\\', '"', '\n', 'é', '😀'),
  maxLength: 2,
});

const VALUE = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.jsonValue({ maxDepth: 0 }),
    fc.array(tie('value'), { maxLength: 3 }),
    fc
      .array(fc.tuple(fc.oneof(KEY, fc.constant('__proto__')), tie('value')), { maxLength: 4 })
      .map((entries) => new Map(entries)),
  ),
})).value;

/** A text, and what it says; each character of a key is escaped when `escapes` says so. */
function write(value: unknown, escapes: () => boolean): { text: string; says: unknown } {
  if (Array.isArray(value)) {
    const items = value.map((item) => write(item, escapes));
    return {
      text: `[${items.map(({ text }) => text).join(' ,')}]`,
      says: items.map(({ says }) => says),
    };
  }
  if (!(value instanceof Map)) {
    const text = JSON.stringify(value);
    // JSON.stringify writes -0 as 0.
    return { text, says: JSON.parse(text) as unknown };
  }
  const members = [...(value as Map<string, unknown>)].map(([key, item]) => {
    const written = Array.from({ length: key.length }, (_, at) => {
      const code = key.charCodeAt(at);
      return escapes()
        ? `\\u${code.toString(16).padStart(4, '0')}`
        : JSON.stringify(key.charAt(at)).slice(1, -1);
    });
    const { text, says: of } = write(item, escapes);
    return { key, written: written.join(''), text, of };
  });
  const says = {};
  for (const { key, of } of members) {
    Object.defineProperty(says, key, {
      value: of,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
  return {
    text: `{ ${members.map(({ written, text }) => `"${written}" : ${text}`).join(',')}}`,
    says,
  };
}

test('R-17 reads keys as they are written, whatever was read before', () => {
  fc.assert(
    fc.property(
      fc.array(VALUE, { minLength: 1, maxLength: 5 }),
      fc.infiniteStream(fc.boolean()),
      (values, coins) => {
        for (const value of values) {
          const { text, says } = write(value, () => coins.next().value as boolean);
          assert.deepEqual(parseJson(text), says, text);
        }
      },
    ),
    { numRuns: 1000 },
  );
});

test('R-17 does not take an escaped key for one that was read before', () => {
  parseJson(String.raw`{"p":1,"nam\\":1}`);
  assert.deepEqual(parseJson(String.raw`{"p":1,"nam\u0065":"x"}`), { p: 1, name: 'x' });
  const text = String.raw`{"in":{"in":1,"nam\\":1},"nam\u0065":"x"}`;
  assert.deepEqual(parseJson(text), { in: { in: 1, 'nam\\': 1 }, name: 'x' });
});

test('R-17 refuses what is no JSON, with escaped keys as without', () => {
  const texts = [
    '',
    '{',
    '{"a"}',
    '{"a":1,}',
    '[1 2]',
    '{"a":1}}',
    'nul',
    '"a',
    '{"a":"\\x"}',
    String.raw`{"\u0061":1,}`,
    String.raw`{"\u0061":1`,
    String.raw`{"\u0061" 1}`,
    String.raw`{"\u0061":[1,,2]}`,
    String.raw`{"\u00":1}`,
    String.raw`[{"\u0061":01}]`,
    String.raw`{"\u0061":1}x`,
    '{"\\',
  ];
  for (const text of texts) assert.throws(() => parseJson(text), SyntaxError, text);
});

test('R-17 hands on numbers as they are written', () => {
  const source = (text: string) => `<${text}>`;
  for (const key of ['a', String.raw`\u0061`]) {
    const value = parseJson(
      `{"${key}":[1.0, -2e400,true,"3",{"b":12345678901234567890 }]}`,
      source,
    );
    assert.deepEqual(value, {
      a: ['<1.0>', '<-2e400>', true, '3', { b: '<12345678901234567890>' }],
    });
  }
});

test('R-17 takes long texts in one go', () => {
  const quotes = String.raw`\"`.repeat(200_000);
  const many = Array.from({ length: 50_000 }, () => '"a"').join();
  const backslashes = String.raw`\\`.repeat(200_000);
  const text = `{"\\u0061":"${quotes}","b":[${many}],"c":"${backslashes}"}`;
  const value = parseJson(text) as { a: string; b: string[]; c: string };
  assert.deepEqual([value.a.length, value.b.length, value.c.length], [200_000, 50_000, 200_000]);
  assert.equal((parseJson(`[${many},"${quotes}${backslashes}"]`) as string[]).length, 50_001);
});
