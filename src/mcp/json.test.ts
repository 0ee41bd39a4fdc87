import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { scanArray, scanObject } from './json/scan.ts';
import { Outline } from './json/outline.ts';

const limits = {
  maxBytes: 1024 * 1024,
  maxDepth: 64,
  maxKeys: 1000,
  maxKeyBytes: 512,
  maxNumberBytes: 64,
};
const NOTHING_KNOWN = new Outline({});
const readJson = (bytes: Buffer): unknown => {
  scanObject(bytes, limits, NOTHING_KNOWN);
  return JSON.parse(bytes.toString()) as unknown;
};
const read = (text: string): unknown => readJson(Buffer.from(text));
const code = (expected: string) => (error: unknown) =>
  (error as { code: string }).code === expected;

test('R-14 reads whatever JSON.stringify writes, unchanged', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value);
      assert.deepEqual(read(text), JSON.parse(text));
    }),
  );
});

test('R-14 accepts nothing that JSON.parse refuses, and throws nothing but its own errors', () => {
  fc.assert(
    fc.property(
      fc.string({
        unit: fc.constantFrom(...Array.from('{}[]":,\\ \n\t01eE+-.truefalsn\u0000é')),
        maxLength: 40,
      }),
      (text) => {
        let parsed: unknown;
        let failed = false;
        try {
          parsed = read(text);
        } catch (error) {
          failed = true;
          assert.match((error as { code: string }).code, /^POSTERN_FRAME_/);
        }
        if (!failed) assert.deepEqual(parsed, JSON.parse(text));
      },
    ),
    { numRuns: 2000 },
  );
});

test('R-17 refuses a key that occurs twice in one object, however it is spelled', () => {
  const ambiguous = code('POSTERN_FRAME_AMBIGUOUS');
  assert.throws(() => read('{"a":1,"a":2}'), ambiguous);
  assert.throws(() => read('{"x":{"name":"a","n\\u0061me":"b"}}'), ambiguous);
  assert.throws(() => read('[{"a":{}, "b":[], "a" : 3}]'), ambiguous);
  assert.throws(() => read('{"__proto__":1,"__proto__":2}'), ambiguous);
});

test('R-17 takes the same key in different objects, and strings that look like keys', () => {
  assert.deepEqual(read('{"a":{"a":["a","a:","\\"a\\":"]},"b":{"a":1}}'), {
    a: { a: ['a', 'a:', '"a":'] },
    b: { a: 1 },
  });
  assert.deepEqual(read('{"a\\\\":1,"a\\"":2,"a":3}'), { 'a\\': 1, 'a"': 2, a: 3 });
});

test('R-17 finds the duplicate whatever surrounds it', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }),
      fc.nat(),
      (object, pick) => {
        const entries = Object.entries(object).map(
          ([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`,
        );
        const again = entries[pick % entries.length] ?? '';
        assert.throws(
          () => read(`{${[...entries, again].join(',')}}`),
          code('POSTERN_FRAME_AMBIGUOUS'),
        );
      },
    ),
  );
});

test('bounds depth and size before anything is built', () => {
  const deep = '['.repeat(65) + ']'.repeat(65);
  assert.throws(() => read(deep), code('POSTERN_FRAME_TOO_DEEP'));
  assert.throws(() => read('['.repeat(1_000_000)), code('POSTERN_FRAME_TOO_DEEP'));
  assert.equal(Array.isArray(read('['.repeat(64) + ']'.repeat(64))), true);
  const keys = Array.from({ length: limits.maxKeys + 1 }, (_, index) => `"k${index}":0`);
  assert.throws(() => read(`{${keys.join(',')}}`), code('POSTERN_FRAME_TOO_MANY_KEYS'));
  const large = Buffer.alloc(limits.maxBytes + 1, 0x20);
  assert.throws(() => readJson(large), code('POSTERN_FRAME_TOO_LARGE'));
});

test('refuses what is not UTF-8, has a byte order mark or trailing bytes', () => {
  const notJson = code('POSTERN_FRAME_NOT_JSON');
  assert.throws(() => readJson(Buffer.from([0x22, 0xff, 0x22])), notJson);
  assert.throws(() => readJson(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])), notJson);
  assert.throws(() => read('\uFEFF{}'), notJson);
  assert.throws(() => read('{}{}'), notJson);
  assert.throws(() => read(''), notJson);
});

test('bounds keys and numbers as they are written', () => {
  const tooLong = code('POSTERN_FRAME_TOKEN_TOO_LONG');
  assert.throws(() => read(`{"${'k'.repeat(513)}":1}`), tooLong);
  assert.throws(() => read(`{"${'\\u0061'.repeat(100)}":1}`), tooLong);
  assert.throws(() => read(`[1.${'0'.repeat(63)}]`), tooLong);
  assert.deepEqual(read(`{"${'k'.repeat(512)}":${'1'.repeat(64)}}`), {
    ['k'.repeat(512)]: Number('1'.repeat(64)),
  });
});

test('R-17 finds what ends or spoils a string wherever it stands', () => {
  const odd = ['"', '\\', '\\"', '\\n', '\\u00', '\0', '\x1f', '\n', '\x7f', 'é', '\u2028', '😀'];
  for (let before = 0; before < 100; before += 1) {
    for (const what of odd) {
      const text = `["${'a'.repeat(before)}${what}${'b'.repeat(99 - before)}","c"]`;
      let expected: unknown;
      try {
        expected = JSON.parse(text);
      } catch {
        assert.throws(() => read(text), code('POSTERN_FRAME_NOT_JSON'), text);
        continue;
      }
      assert.deepEqual(read(text), expected);
    }
  }
});

test('R-17 refuses a key with half a surrogate pair, and takes such text elsewhere', () => {
  assert.throws(() => read(String.raw`{"a\ud800":1}`), code('POSTERN_FRAME_AMBIGUOUS'));
  assert.deepEqual(read(String.raw`{"\ud83d\ude00":"\ud800"}`), { '😀': '\ud800' });
});

test('R-17 finds a key that occurs twice among many, and in objects beside and within large ones', () => {
  const ambiguous = code('POSTERN_FRAME_AMBIGUOUS');
  const keys = Array.from({ length: 40 }, (_, index) => `"key${index}":${index}`);
  const many = keys.join();
  for (const text of [
    `{${many},"key3":0}`,
    `{${many},"key39":0}`,
    `{${many},"in":{"a":1,"b":2,"a":3}}`,
    `{"in":{${many}},"out":1,"in":2}`,
    `{"\\u00e9":1,"in":{${many}},"é":2}`,
    `[{"\\u00e9":1},{"é":1,"a":{"b":1,"b":2}}]`,
    `{${many},"k\\u0065y5":0}`,
  ]) {
    assert.throws(() => read(text), ambiguous, text);
  }
  for (const text of [`{${many},"in":{${many}}}`, `[{"\\u00e9":1},{"é":1,"in":{"\\u00e9":2}}]`]) {
    assert.deepEqual(read(text), JSON.parse(text));
  }
});

test('R-17 reads nothing of a text that was there before', () => {
  const before = Buffer.from('{"first":"\\u0041","list":[true,null,-1.5e+3],"last":{"a":"b"}}   ');
  for (let size = 0; size < before.length - 3; size += 1) {
    read(before.toString());
    assert.throws(() => readJson(before.subarray(0, size)), code('POSTERN_FRAME_NOT_JSON'));
  }
  read(before.toString());
  assert.deepEqual(read('{"first":"A"}'), { first: 'A' });
});

test('R-17 reads texts of all sizes around the one from which on they are not copied', () => {
  const known = new Outline({ first: 'any', last: { name: 'exact' } });
  const name = known.key('last', 'name');
  for (let size = 65_536 - 80; size < 65_536 + 80; size += 1) {
    const head = '{"first":"';
    const tail = '","last":{"name":"end"}}';
    const text = Buffer.from(head + 'a'.repeat(size - head.length - tail.length) + tail);
    assert.equal(scanObject(text, limits, known)?.value(name), 'end');
    for (const less of [1, 2, 3, 6, 13]) {
      assert.throws(() => readJson(text.subarray(0, -less)), code('POSTERN_FRAME_NOT_JSON'));
    }
    const twice = Buffer.from(text.toString().replace('"name"', '"name":1,"name"'));
    assert.throws(() => scanObject(twice, limits, known), code('POSTERN_FRAME_AMBIGUOUS'));
  }
});

test('R-17 does not go on with a text when another was read meanwhile', () => {
  const list = Buffer.from('[{"a":1},{"b":2}]');
  assert.throws(() => {
    scanArray(list, limits, NOTHING_KNOWN, () => void read('[1,2,3,4,5,6,7,8]'));
  }, /within another/);
});

test('R-14 keeps within its depth however deep it may go', () => {
  const nested = (depth: number) =>
    Buffer.from('[{"a":'.repeat(depth / 2) + '1' + '}]'.repeat(depth / 2));
  const deep = { ...limits, maxDepth: Infinity, maxKeys: Infinity };
  scanObject(nested(4096), deep, NOTHING_KNOWN);
  assert.throws(
    () => scanObject(nested(4098), deep, NOTHING_KNOWN),
    code('POSTERN_FRAME_TOO_DEEP'),
  );
  scanObject(nested(64), limits, NOTHING_KNOWN);
  assert.throws(
    () => scanObject(nested(66), limits, NOTHING_KNOWN),
    code('POSTERN_FRAME_TOO_DEEP'),
  );
});
