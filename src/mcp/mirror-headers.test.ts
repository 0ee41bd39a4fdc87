import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Frame } from './frame.ts';
import { DEFAULT_LIMITS } from '#lib';
import { readFrame } from './frame.ts';
import { jsonLimitsOf } from './json/limits.ts';
import { checkHeaders } from './headers.ts';
import { META_PROTOCOL_VERSION } from './shapes.ts';
import { headersFor } from './mirror-headers.ts';
import type { ParamHeader } from './param-headers.ts';
import { checkParamHeaders, paramHeadersOf } from './param-headers.ts';
import type { Revision } from './revisions.ts';
import { revisionByName } from './revisions.ts';

const limits = jsonLimitsOf(DEFAULT_LIMITS, 1_000_000);
const stateless = revisionByName('2026-07-28') as Revision;

function message(method: string, params: object, id: number | null = 1): Frame {
  const meta = {
    [META_PROTOCOL_VERSION]: stateless.name,
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const envelope = { jsonrpc: '2.0', ...(id === null ? {} : { id }) };
  const text = JSON.stringify({ ...envelope, method, params: { ...params, _meta: meta } });
  return readFrame(Buffer.from(text), limits);
}

function annotations(properties: object): readonly ParamHeader[] {
  const read = paramHeadersOf({ type: 'object', properties });
  assert.equal(read.fault, null);
  return read.headers;
}

const REGION = annotations({ region: { type: 'string', 'x-mcp-header': 'Region' } });
const callWith = (args: unknown): Frame => message('tools/call', { name: 'x', arguments: args });

test('R-23 headers say again what a message of 2026-07-28 says', () => {
  const common = { 'mcp-protocol-version': '2026-07-28' };
  const listed = headersFor(message('tools/list', {}), stateless);
  assert.deepEqual(listed, { ...common, 'mcp-method': 'tools/list' });
  const read = headersFor(message('resources/read', { uri: 'file:///ä' }), stateless);
  const uri = `=?base64?${Buffer.from('file:///ä').toString('base64')}?=`;
  assert.deepEqual(read, { ...common, 'mcp-method': 'resources/read', 'mcp-name': uri });
  const called = headersFor(callWith({ region: 'us-west1' }), stateless, REGION);
  assert.equal(called['mcp-name'], 'x');
  assert.equal(called['mcp-param-region'], 'us-west1');
});

test('R-23 the stateful revisions mirror nothing, and nothing mirrors an answer', () => {
  const old = revisionByName('2025-11-25') as Revision;
  assert.deepEqual(headersFor(callWith({ region: 'eu' }), old, REGION), {});
  const answer = readFrame(Buffer.from('{"jsonrpc":"2.0","id":1,"result":{}}'), limits);
  assert.deepEqual(headersFor(answer, stateless), {});
});

test('R-23 values are encoded as the examples of the specification', () => {
  const cases: Readonly<Record<string, string>> = {
    'us-west1': 'us-west1',
    'Hello, 世界': '=?base64?SGVsbG8sIOS4lueVjA==?=',
    ' padded ': '=?base64?IHBhZGRlZCA=?=',
    'line1\nline2': '=?base64?bGluZTEKbGluZTI=?=',
    '=?base64?literal?=': '=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=',
    '': '',
  };
  for (const [value, header] of Object.entries(cases)) {
    const headers = headersFor(callWith({ region: value }), stateless, REGION);
    assert.equal(headers['mcp-param-region'], header, value);
  }
});

const COUNT = annotations({ count: { type: 'integer', 'x-mcp-header': 'Count' } });

/** The header for a number that is written so, in a message that the gateway has written itself. */
function headerOf(number: string): string | undefined {
  const count = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(number);
  const read = message('tools/call', { name: 'x', arguments: { count } });
  assert.equal(read.kind, 'request');
  const params = { name: 'x', arguments: { count } };
  const { kind, id, method, bytes } = read;
  const headers = headersFor({ kind, id, method, bytes, params }, stateless, COUNT);
  checkParamHeaders(headers, read, COUNT);
  return headers['mcp-param-count'];
}

test('R-23 a number has its header however it is written', () => {
  const cases: Readonly<Record<string, string | undefined>> = {
    '42.0': '42',
    '1e3': '1000',
    '-0': '0',
    '9007199254740991': '9007199254740991',
    '9007199254740993': undefined,
    '1e400': undefined,
    '1.5e0': '1.5',
    '1e-7': '1e-7',
    '0.10000000000000000001': '0.10000000000000000001',
  };
  for (const [number, header] of Object.entries(cases)) {
    assert.equal(headerOf(number), header, number);
  }
});

test('R-23 whatever the arguments, the headers made for them pass the check', () => {
  const text = fc.string({ unit: 'grapheme' }).map((value) => value.toWellFormed());
  const property = fc.constantFrom('string', 'integer', 'boolean');
  const value = fc.oneof(text, fc.integer(), fc.maxSafeInteger(), fc.boolean(), fc.constant(null));
  fc.assert(
    fc.property(property, value, text, (type, given, name) => {
      const read = annotations({
        outer: { properties: { inner: { type, 'x-mcp-header': 'In-Ner' } } },
      });
      const frame = message('tools/call', { name, arguments: { outer: { inner: given } } });
      const headers = headersFor(frame, stateless, read);
      checkHeaders(headers, stateless, frame);
      checkParamHeaders(headers, frame, read);
      assert.equal('mcp-param-in-ner' in headers, given !== null);
      for (const line of Object.values(headers)) assert.match(line, /^[\t\x20-\x7e]*$/);
    }),
  );
});
