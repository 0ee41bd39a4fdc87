import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Frame } from './frame.ts';
import { DEFAULT_LIMITS } from '#lib';
import { readFrame } from './frame.ts';
import { jsonLimitsOf } from './json/limits.ts';
import { checkParamHeaders, paramHeadersOf } from './param-headers.ts';

const limits = jsonLimitsOf(DEFAULT_LIMITS, 65_536);

function call(args: unknown): Frame {
  return callWritten(JSON.stringify(args) ?? 'null');
}

function callWritten(args: string): Frame {
  const text = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"x","arguments":${args}}}`;
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
      { header: 'mcp-param-a', path: ['a'] },
      { header: 'mcp-param-deep', path: ['o', 'n'] },
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
    assert.throws(() => checkParamHeaders(headers, call(args), annotations), isMismatch);
  });
}

const isMismatch = (error: unknown): boolean => (error as { rpcCode: number }).rpcCode === -32020;

/** Whether a header passes for a number that is written so in the body. */
function passes(header: string | undefined, number: string): boolean {
  const headers = header === undefined ? {} : { 'mcp-param-n': header };
  try {
    checkParamHeaders(headers, callWritten(`{"n":${number}}`), annotations);
    return true;
  } catch (thrown) {
    assert.ok(isMismatch(thrown));
    return false;
  }
}

test('R-23 numbers are compared by their exact values, however they are written', () => {
  const alike: readonly (readonly [header: string, number: string])[] = [
    ['42', '42.0'],
    ['42', '4.2e1'],
    ['1000', '1e3'],
    ['1000.0', '1E+3'],
    ['0', '-0'],
    ['-0.0', '0e9'],
    ['007', '7'],
    ['9007199254740991', '9007199254740991'],
    ['9007199254740993', '9007199254740993'],
    ['0.1', '1e-1'],
    ['1e-7', '1e-7'],
    ['0.10000000000000000001', '0.10000000000000000001'],
  ];
  for (const [header, number] of alike) assert.ok(passes(header, number), `${header} ${number}`);
});

test('R-17 numbers that rounding makes alike are not', () => {
  const different: readonly (readonly [header: string | undefined, number: string])[] = [
    ['42.00000000000000000001', '42'],
    ['42', '42.00000000000000000001'],
    ['9007199254740992', '9007199254740993'],
    ['9007199254740993', '9007199254740992'],
    ['0.1', '0.10000000000000000001'],
    ['Infinity', '1e400'],
    ['1e400', '1e401'],
    ['1e3', '1e3'],
    ['1e3', '1000'],
    ['+42', '42'],
    ['42.', '42'],
    [undefined, '42.0'],
    [undefined, '1e3'],
    [undefined, '0.5'],
  ];
  for (const [header, number] of different) {
    assert.ok(!passes(header, number), `${header} ${number}`);
  }
});

test('R-23 an integer that readers round needs no header, but one that is there has to say it', () => {
  for (const number of ['9007199254740992', '-1e16', '1e400']) {
    assert.ok(passes(undefined, number), number);
    assert.ok(!passes('1', number), number);
  }
});

/** What a number says, in units of 10^-40. */
function exactly(text: string): bigint {
  const [mantissa = '', exponent = '0'] = text.split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  return BigInt(`${whole}${fraction}`) * 10n ** (40n + BigInt(exponent) - BigInt(fraction.length));
}

test('R-17 R-23 a header passes for a number exactly when it says the same', () => {
  const digits = fc.stringMatching(/^[019]{1,18}$/);
  const decimal = fc
    .tuple(fc.constantFrom('', '-'), digits, fc.option(digits))
    .map(([sign, whole, fraction]) => `${sign}${whole}${fraction === null ? '' : `.${fraction}`}`);
  const number = fc
    .tuple(decimal, fc.option(fc.integer({ min: -18, max: 18 })))
    .map(([text, exponent]) => `${text}${exponent === null ? '' : `e${exponent}`}`)
    .map((text) => text.replace(/^(-?)0+(?=\d)/, '$1'));
  fc.assert(
    fc.property(decimal, number, fc.boolean(), (text, written, same) => {
      const header = same ? decimalText(exactly(written)) : text;
      assert.equal(passes(header, written), exactly(header) === exactly(written));
    }),
    { numRuns: 2000 },
  );
});

/** A number of units of 10^-40 in digits. */
function decimalText(units: bigint): string {
  const text = (units < 0n ? -units : units).toString().padStart(41, '0');
  return `${units < 0n ? '-' : ''}${text.slice(0, -40)}.${text.slice(-40)}`;
}
