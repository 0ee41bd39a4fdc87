import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ResponseFrame } from '#mcp';
import { ParamHeaders } from './param-headers.ts';

const region = { type: 'string', 'x-mcp-header': 'Region' };

function listed(...tools: readonly object[]): ResponseFrame {
  return { kind: 'response', id: 1, bytes: Buffer.alloc(0), outcome: { result: { tools } } };
}

function call(name: string, given: unknown) {
  return { method: 'tools/call', params: { name, arguments: given } };
}

test('R-23 arguments go into the headers that the schema of their tool names', () => {
  const headers = new ParamHeaders();
  const place = { type: 'object', properties: { region, zone: { 'x-mcp-header': 'Zone' } } };
  const inputSchema = { properties: { place, dry: { 'x-mcp-header': 'X-Dry' }, other: {} } };
  headers.learn(listed({ name: 'deploy', inputSchema }, { name: 'plain', inputSchema: {} }));
  const given = { place: { region: 'Süd', zone: 7 }, dry: false, other: 'x' };
  assert.deepEqual(headers.of(call('deploy', given)), {
    'mcp-param-region': '=?base64?U8O8ZA==?=',
    'mcp-param-zone': '7',
    'mcp-param-x-dry': 'false',
  });
  assert.deepEqual(headers.of(call('deploy', { place: { region: null, zone: 0.5 } })), {});
  assert.deepEqual(headers.of(call('deploy', { place: 'none' })), {});
  assert.deepEqual(headers.of(call('plain', given)), {});
  assert.deepEqual(headers.of({ method: 'tools/list', params: {} }), {});
  headers.learn(listed({ name: 'deploy', inputSchema: {} }));
  assert.deepEqual(headers.of(call('deploy', given)), {});
});

test('R-23 schemas that mean harm name no headers', () => {
  const headers = new ParamHeaders();
  const named = (name: unknown) => ({ 'x-mcp-header': name });
  let deep: object = { region };
  for (let level = 0; level < 100; level += 1) deep = { next: { properties: deep } };
  const many = Object.fromEntries(
    Array.from({ length: 999 }, (_, at) => [`p${at}`, named(`P${at}`)]),
  );
  const properties = {
    a: named('a\r\nHost: evil'),
    b: named(''),
    c: named(7),
    d: { items: named('d') },
  };
  headers.learn(
    listed(
      { name: 'bad', inputSchema: { properties } },
      { name: 'deep', inputSchema: { properties: deep } },
      { name: 'many', inputSchema: { properties: many } },
    ),
  );
  assert.deepEqual(headers.of(call('bad', { a: 'x', b: 'x', c: 'x', d: ['x'] })), {});
  assert.deepEqual(headers.of(call('deep', {})), {});
  const all = Object.fromEntries(Object.keys(many).map((key) => [key, 'x']));
  assert.equal(Object.keys(headers.of(call('many', all))).length, 32);
});
