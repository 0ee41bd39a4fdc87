import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ResponseFrame } from '#mcp';
import { MirroredParams } from './param-headers.ts';

const region = { type: 'string', 'x-mcp-header': 'Region' };

function listed(...tools: readonly object[]): ResponseFrame {
  return { kind: 'response', id: 1, bytes: Buffer.alloc(0), outcome: { result: { tools } } };
}

function call(name: string) {
  return { method: 'tools/call', params: { name, arguments: {} } };
}

test('R-23 a conversation remembers what the schemas of its tools have mirrored', () => {
  const params = new MirroredParams();
  const place = { type: 'object', properties: { region } };
  const inputSchema = { type: 'object', properties: { place, other: { type: 'string' } } };
  params.learn(listed({ name: 'deploy', inputSchema }, { name: 'plain', inputSchema: {} }));
  assert.deepEqual(params.of(call('deploy')), [
    { header: 'mcp-param-region', path: ['place', 'region'] },
  ]);
  assert.deepEqual(params.of(call('plain')), []);
  assert.deepEqual(params.of({ method: 'tools/list', params: {} }), []);
  params.learn(listed({ name: 'deploy', inputSchema: {} }));
  assert.deepEqual(params.of(call('deploy')), []);
});

test('R-23 a schema with an annotation that means harm has none mirrored', () => {
  const params = new MirroredParams();
  const bad = { type: 'string', 'x-mcp-header': 'a\r\nHost: evil' };
  const inputSchema = { type: 'object', properties: { region, bad } };
  params.learn(listed({ name: 'bad', inputSchema }));
  assert.deepEqual(params.of(call('bad')), []);
});
