import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quickSettings } from './settings.ts';

const LOCAL = 'http://127.0.0.1:9/x';

test('R-23 one server of the command line is a program, or a URL on either transport', () => {
  const kindOf = (...[command, remote]: [readonly string[], { http?: string; sse?: string }]) =>
    quickSettings('mcp', command, remote).settings.servers.map(({ transport }) => transport.kind);
  assert.deepEqual(kindOf(['node', 'x.js'], {}), ['stdio']);
  assert.deepEqual(kindOf([], { http: LOCAL }), ['http']);
  assert.deepEqual(kindOf([], { sse: LOCAL }), ['sse']);
  assert.throws(() => kindOf([], { sse: 'http://far.example/sse' }), {
    code: 'POSTERN_CONFIG_INVALID',
    message: /servers\.mcp\.sse\.url/,
  });
});
