import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readFrame } from './frame.ts';
import { checkHeaders, decodeHeaderValue, META_PROTOCOL_VERSION, revisionOf } from './headers.ts';

const limits = { maxBytes: 65_536, maxDepth: 64, maxKeys: 1000 };
const code = (expected: string) => (error: unknown) =>
  (error as { code: string }).code === expected;
const mismatch = code('POSTERN_HEADER_MISMATCH');

function request(method: string, params: object, revision?: string) {
  const capabilities = { 'io.modelcontextprotocol/clientCapabilities': {} };
  const meta =
    revision === undefined ? {} : { _meta: { [META_PROTOCOL_VERSION]: revision, ...capabilities } };
  const message = { jsonrpc: '2.0', id: 1, method, params: { ...params, ...meta } };
  return readFrame(Buffer.from(JSON.stringify(message)), limits);
}

const check = (headers: Record<string, string>, frame: ReturnType<typeof request>): void =>
  checkHeaders(headers, revisionOf(headers), frame);

const stateless = { 'mcp-protocol-version': '2026-07-28' };

test('R-23 accepts headers that say what the body says', () => {
  const call = request('tools/call', { name: 'wetter in köln' }, '2026-07-28');
  const name = `=?base64?${Buffer.from('wetter in köln').toString('base64')}?=`;
  check({ ...stateless, 'mcp-method': 'tools/call', 'mcp-name': name }, call);
  check({}, request('initialize', { protocolVersion: '2025-11-25' }));
  check({ 'mcp-protocol-version': '2025-11-25' }, request('tools/call', { name: 'x' }));
});

test('R-17 refuses headers that are missing or say something else', () => {
  const call = request('tools/call', { name: 'safe' }, '2026-07-28');
  const good = { ...stateless, 'mcp-method': 'tools/call', 'mcp-name': 'safe' };
  check(good, call);
  assert.throws(() => check({ ...good, 'mcp-name': 'other' }, call), mismatch);
  assert.throws(() => check({ ...good, 'mcp-method': 'tools/list' }, call), mismatch);
  assert.throws(() => check({ ...stateless, 'mcp-method': 'tools/call' }, call), mismatch);
  assert.throws(() => check({ ...stateless, 'mcp-name': 'safe' }, call), mismatch);
  assert.throws(
    () => check(good, request('tools/call', { name: 'safe' })),
    code('POSTERN_REQUEST_META_MISSING'),
  );
});

test('R-23 a stateless request says what its client can do', () => {
  const good = { ...stateless, 'mcp-method': 'server/discover' };
  for (const capabilities of [undefined, null, [], 'none']) {
    const meta = {
      [META_PROTOCOL_VERSION]: '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': capabilities,
    };
    const frame = request('server/discover', { _meta: meta });
    assert.throws(() => check(good, frame), code('POSTERN_REQUEST_META_MISSING'));
  }
});

test('R-17 a method is compared as it stands: only names and parameters are encoded', () => {
  const call = request('tools/list', {}, '2026-07-28');
  const encoded = `=?base64?${Buffer.from('tools/list').toString('base64')}?=`;
  assert.throws(() => check({ ...stateless, 'mcp-method': encoded }, call), mismatch);
});

test('R-17 refuses a message that claims another era in its body', () => {
  const call = request('tools/call', { name: 'x' }, '2026-07-28');
  assert.throws(() => check({}, call), mismatch);
  assert.throws(() => check({ 'mcp-protocol-version': '2025-11-25' }, call), mismatch);
});

test('R-23 names the supported revisions to a client that asks for another', () => {
  assert.throws(
    () => revisionOf({ 'mcp-protocol-version': '1900-01-01' }),
    (error: unknown) => {
      const { rpcCode, details } = error as { rpcCode: number; details: { supported: string[] } };
      return rpcCode === -32022 && details.supported.includes('2026-07-28');
    },
  );
});

test('decodes what clients encode, and refuses encodings that are not exact', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const wellFormed = text.toWellFormed();
      const encoded = `=?base64?${Buffer.from(wellFormed).toString('base64')}?=`;
      assert.equal(decodeHeaderValue('Mcp-Name', encoded), wellFormed);
    }),
  );
  for (const value of ['=?base64?YQ?=', '=?base64?YQ=*?=', '=?base64?/w==?=']) {
    assert.throws(() => decodeHeaderValue('Mcp-Name', value), mismatch, value);
  }
  assert.equal(decodeHeaderValue('Mcp-Name', '=?BASE64?YQ==?='), '=?BASE64?YQ==?=');
  for (const value of ['k\u00f6ln', 'a\u0000', 'a\u007f']) {
    assert.throws(() => decodeHeaderValue('Mcp-Name', value), mismatch, value);
  }
});
