import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stageOf } from './stages.ts';

const at = (url: string, functionName = 'f'): string | null =>
  stageOf({ functionName, url, lineNumber: 0 });

test('frames belong to stages of a call, or to whoever called them', () => {
  assert.equal(
    at('file:///home/me/postern/src/transport/http/wire/line-reader.ts'),
    'upstream client',
  );
  assert.equal(at('file:///src/x/src/audit/encode.ts'), 'record');
  assert.equal(at('file:///x/src/pipeline/journal.ts'), 'record');
  assert.equal(at('file:///x/src/pipeline/run.ts'), 'order of a call');
  assert.equal(at('file:///x/src/gateway/http-guard.ts'), 'listener and guards');
  assert.equal(at('file:///x/src/gateway/listener.ts'), 'listener and guards');
  assert.equal(at('file:///x/src/gateway/http-sink.ts'), 'reply');
  assert.equal(at('file:///x/src/lib/bytes.ts'), null);
  assert.equal(at('file:///p/node_modules/undici/lib/core/request.js'), 'upstream client');
  assert.equal(at('file:///p/node_modules/@scope/name/src/a.js'), 'package @scope/name');
  assert.equal(at('wasm://wasm/00034eea'), 'upstream client');
  assert.equal(at('node:_http_server'), 'HTTP of Node.js');
  assert.equal(at('node:internal/tls/wrap'), 'sockets and TLS');
  assert.equal(at('node:internal/fs/promises'), 'record');
  assert.equal(at('node:events'), null);
  assert.equal(at('', '(garbage collector)'), 'garbage collection');
  assert.equal(at('', 'writev'), 'sockets and TLS');
  assert.equal(at('', 'someBinding'), null);
});
