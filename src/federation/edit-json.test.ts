import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { Edits } from './edit-json.ts';
import { always, editJson } from './edit-json.ts';

function edited(text: string, edits: Edits): string {
  return editJson(Buffer.from(text), edits).toString();
}

test('R-14 one value is changed, and every other character stays', () => {
  const text =
    '{ "id" : 12345678901234567890, "params":{"a":[1e400,"x\\"}"],"name" : "n\\u0061me"} }';
  assert.equal(
    edited(text, { params: { name: always('other "one"') } }),
    text.replace('"n\\u0061me"', '"other \\"one\\""'),
  );
  assert.equal(edited('[1, {"a":2} ,3]', { '*': { a: always(null) } }), '[1, {"a":null} ,3]');
  assert.equal(edited('{"\\u0061":1}', { a: always(2) }), '{"\\u0061":2}');
});

test('R-14 nothing to change leaves the same buffer', () => {
  for (const text of ['{}', '[]', '7', '"x"', '{"a":{"b":[]}}', ' [ ] ', 'null']) {
    const bytes = Buffer.from(text);
    assert.equal(editJson(bytes, { a: { c: always(1), b: { '*': always(1) } } }), bytes);
  }
});

test('R-14 editing is what changing the value is, for any JSON', () => {
  fc.assert(
    fc.property(fc.json(), fc.string(), fc.string(), (json, key, value) => {
      const text = `{"before":${json}, "list":[${json},{"k":${json}}], "at" : ${json}}`;
      const parsed = JSON.parse(text) as { list: [unknown, { k: unknown }]; at: unknown };
      parsed.at = { [key]: value };
      parsed.list[1].k = value;
      const edits = { at: always({ [key]: value }), list: { '*': { k: always(value) } } };
      const [first] = parsed.list;
      if (typeof first === 'object' && first !== null && Object.hasOwn(first, 'k')) {
        (first as { k: unknown }).k = value;
      }
      assert.deepEqual(JSON.parse(edited(text, edits)), parsed);
    }),
  );
});
