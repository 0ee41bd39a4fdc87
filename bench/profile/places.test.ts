import assert from 'node:assert/strict';
import { test } from 'node:test';
import { placeOf } from './places.ts';

const at = (url: string, functionName = 'f'): string | null =>
  placeOf({ functionName, url, lineNumber: 0 });

test('frames belong to rooms, packages, parts of Node.js and V8', () => {
  assert.equal(at('file:///home/me/postern/src/pipeline/run.ts'), 'src/pipeline');
  assert.equal(at('file:///src/x/src/audit/encode.ts'), 'src/audit');
  assert.equal(at('file:///p/node_modules/undici/lib/core/request.js'), 'package: undici');
  assert.equal(at('file:///p/node_modules/@scope/name/src/a.js'), 'package: @scope/name');
  assert.equal(at('wasm://wasm/00034eea'), 'package: undici');
  assert.equal(at('node:_http_server'), 'node: http');
  assert.equal(at('node:internal/tls/wrap'), 'node: tls and crypto');
  assert.equal(at('node:internal/whatever'), 'node: other');
  assert.equal(at('', '(garbage collector)'), 'garbage collection');
  assert.equal(at('', 'writev'), 'native: socket writes, TLS encryption');
  assert.equal(at('', 'someBinding'), null);
});
