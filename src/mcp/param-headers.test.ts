import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Frame } from './frame.ts';
import { readFrame } from './frame.ts';
import { checkParamHeaders, paramHeadersOf } from './param-headers.ts';

const limits = { maxBytes: 65_536, maxDepth: 64, maxKeys: 1000 };

function call(args: unknown): Frame {
  const params = { name: 'x', arguments: args };
  const text = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params });
  return readFrame(Buffer.from(text), limits);
}

const string = (name: unknown) => ({ type: 'string', 'x-mcp-header': name });

test('R-23 annotated properties are found along properties alone', () => {
  const schema = {
    properties: {
      a: string('A'),
      o: { type: 'object', properties: { n: { type: 'integer', 'x-mcp-header': 'Deep' } } },
      'x-mcp-header': { type: 'string' },
      plain: { type: 'string', default: { 'x-mcp-header': 'data' } },
    },
  };
  assert.deepEqual(paramHeadersOf(schema), {
    fault: null,
    headers: [
      { header: 'mcp-param-a', path: ['a'], type: 'string' },
      { header: 'mcp-param-deep', path: ['o', 'n'], type: 'integer' },
    ],
  });
  assert.deepEqual(paramHeadersOf(undefined), { fault: null, headers: [] });
});

const INVALID: Readonly<Record<string, object>> = {
  'an empty name': { properties: { a: string('') } },
  'a name that is none': { properties: { a: string(1) } },
  'a name with a space': { properties: { a: string('A B') } },
  'a name with a line break': { properties: { a: string('A\r\nHost: b') } },
  'two names alike': { properties: { a: string('A'), b: string('a') } },
  'a number': { properties: { a: { type: 'number', 'x-mcp-header': 'A' } } },
  'an object': { properties: { a: { type: 'object', 'x-mcp-header': 'A' } } },
  'no type': { properties: { a: { 'x-mcp-header': 'A' } } },
  'the root': { type: 'string', 'x-mcp-header': 'A' },
  items: { properties: { a: { items: string('A') } } },
  'a tuple': { properties: { a: { prefixItems: [{}, string('A')] } } },
  'a branch': { anyOf: [{ properties: { a: string('A') } }] },
  'a condition': { else: { properties: { a: string('A') } } },
  'a definition': { $defs: { d: { properties: { a: string('A') } } } },
  'too many': {
    properties: Object.fromEntries(
      Array.from({ length: 65 }, (_, n) => [`p${n}`, string(`P${n}`)]),
    ),
  },
};
for (const [what, schema] of Object.entries(INVALID)) {
  test(`R-23 an annotation is invalid: ${what}`, () => {
    assert.equal(typeof paramHeadersOf(schema).fault, 'string');
  });
}

const read = paramHeadersOf({
  properties: {
    s: string('S'),
    n: { type: 'integer', 'x-mcp-header': 'N' },
    b: { type: 'boolean', 'x-mcp-header': 'B' },
  },
});
const annotations = read.fault === null ? read.headers : [];

const encoded = (text: string): string => `=?base64?${Buffer.from(text).toString('base64')}?=`;

test('R-23 headers that say what the arguments say pass', () => {
  const pass = (headers: Record<string, string>, args: unknown): void =>
    checkParamHeaders(headers, call(args), annotations);
  pass({}, undefined);
  pass({}, {});
  pass({}, { s: null, n: null });
  pass({ 'mcp-param-other': 'ignored' }, {});
  pass(
    { 'mcp-param-s': 'eu', 'mcp-param-n': '42', 'mcp-param-b': 'true' },
    { s: 'eu', n: 42, b: true },
  );
  pass({ 'mcp-param-n': '42.0' }, { n: 42 });
  pass({ 'mcp-param-n': encoded('-7') }, { n: -7 });
  pass({ 'mcp-param-s': encoded('Köln') }, { s: 'Köln' });
  pass({ 'mcp-param-s': '' }, { s: '' });
});

const MISMATCHES: Readonly<Record<string, readonly [Record<string, string>, unknown]>> = {
  'a missing header': [{}, { s: 'eu' }],
  'another value': [{ 'mcp-param-s': 'us' }, { s: 'eu' }],
  'another case': [{ 'mcp-param-s': 'EU' }, { s: 'eu' }],
  'another number': [{ 'mcp-param-n': '43' }, { n: 42 }],
  'a number in words of its own': [{ 'mcp-param-n': '0x2a' }, { n: 42 }],
  'a string that looks like the number': [{ 'mcp-param-s': '42.0' }, { s: '42' }],
  'a boolean in another case': [{ 'mcp-param-b': 'True' }, { b: true }],
  'a header without a value': [{ 'mcp-param-s': 'eu' }, {}],
  'a header for null': [{ 'mcp-param-s': 'null' }, { s: null }],
  'a header for an object': [{ 'mcp-param-s': '[object Object]' }, { s: {} }],
  'a value of the prototype': [{ 'mcp-param-s': 'eu' }, []],
  'base64 that is none': [{ 'mcp-param-s': '=?base64?ZXU?=' }, { s: 'eu' }],
  'raw bytes': [{ 'mcp-param-s': 'K\u00f6ln' }, { s: 'Köln' }],
};
for (const [what, [headers, args]] of Object.entries(MISMATCHES)) {
  test(`R-17 a header differs from the arguments: ${what}`, () => {
    assert.throws(
      () => checkParamHeaders(headers, call(args), annotations),
      (error: unknown) => (error as { rpcCode: number }).rpcCode === -32020,
    );
  });
}
