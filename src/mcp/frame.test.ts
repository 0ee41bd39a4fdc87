import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from '#lib';
import { idKey, readFrame } from './frame.ts';
import { jsonLimitsOf } from './json/limits.ts';

const limits = jsonLimitsOf(DEFAULT_LIMITS, 65_536);
const read = (message: unknown) => readFrame(Buffer.from(JSON.stringify(message)), limits);
const code = (expected: string) => (error: unknown) =>
  (error as { code: string }).code === expected;

test('R-23 tells requests, notifications and responses apart and keeps their bytes', () => {
  const bytes = Buffer.from(
    '{ "jsonrpc":"2.0", "id" : 7,"method":"tools/call","params":{"name":"x"}}',
  );
  const frame = readFrame(bytes, limits);
  assert.equal(frame.kind, 'request');
  assert.equal(frame.bytes, bytes);
  assert.deepEqual(frame.kind === 'request' && [frame.id, frame.method, frame.params['name']], [
    7,
    'tools/call',
    'x',
  ]);
  assert.equal(read({ jsonrpc: '2.0', method: 'notifications/initialized' }).kind, 'notification');
  assert.equal(read({ jsonrpc: '2.0', id: 'a', result: {} }).kind, 'response');
  const error = { jsonrpc: '2.0', id: null, error: { code: -32700, message: 'no' } };
  assert.equal(read(error).kind, 'response');
});

test('R-17 refuses protocol keys in another letter case', () => {
  const ambiguous = code('POSTERN_FRAME_AMBIGUOUS');
  assert.throws(
    () => read({ jsonrpc: '2.0', id: 1, method: 'ping', Method: 'tools/call' }),
    ambiguous,
  );
  const params = { name: 'safe', Name: 'dangerous' };
  assert.throws(() => read({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }), ambiguous);
  assert.equal(
    read({ jsonrpc: '2.0', id: 1, method: 'x', params: { arguments: { Name: 1, name: 2 } } }).kind,
    'request',
  );
});

test('R-17 refuses protocol keys in spellings that other parsers fold, nested ones too', () => {
  const ambiguous = code('POSTERN_FRAME_AMBIGUOUS');
  const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'read' } };
  const variants = [
    { ...call, 'param\u017F': { name: 'delete' } },
    { ...call, params: { ...call.params, 'argument\u017F': {} } },
    { ...call, params: { ...call.params, '\uFF4Eame': 'delete' } },
    { ...call, params: { ref: { type: 'ref/prompt', name: 'a', Name: 'b' } } },
    { ...call, params: { notifications: {}, Notifications: { resourceSubscriptions: [] } } },
    { ...call, params: { notifications: { ResourceSubscriptions: [] } } },
    { ...call, params: { 'tas\u212AId': 'x' } },
  ];
  for (const message of variants) assert.throws(() => read(message), ambiguous);
});

test('refuses everything that is not exactly one JSON-RPC 2.0 message', () => {
  const wrong: unknown[] = [
    [],
    [{ jsonrpc: '2.0', id: 1, method: 'ping' }],
    'ping',
    null,
    {},
    { id: 1, method: 'ping' },
    { jsonrpc: '1.0', id: 1, method: 'ping' },
    { jsonrpc: '2.0', id: null, method: 'ping' },
    { jsonrpc: '2.0', id: {}, method: 'ping' },
    { jsonrpc: '2.0', id: 1, method: '' },
    { jsonrpc: '2.0', id: 1, method: 'ping', params: [] },
    { jsonrpc: '2.0', id: 1, method: 'ping', result: {} },
    { jsonrpc: '2.0', id: 1 },
    { jsonrpc: '2.0', id: 1, result: {}, error: { code: 1, message: '' } },
    { jsonrpc: '2.0', id: 1, result: 'text' },
    { jsonrpc: '2.0', id: 1, error: { code: 1.5, message: '' } },
    { jsonrpc: '2.0', result: {} },
  ];
  for (const message of wrong) {
    assert.throws(() => read(message), code('POSTERN_FRAME_NOT_JSON_RPC'), JSON.stringify(message));
  }
});

test('keeps the id 1 apart from the id "1"', () => {
  assert.notEqual(idKey(1), idKey('1'));
});
