import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ResponseFrame } from './frame.ts';
import { readFrame } from './frame.ts';
import { filterList } from './lists.ts';

const limits = { maxBytes: 65_536, maxDepth: 64, maxKeys: 1000 };

function response(result: object): ResponseFrame {
  const bytes = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, result }));
  return readFrame(bytes, limits) as ResponseFrame;
}

test('R-11 takes hidden items out of lists and leaves everything else', () => {
  const frame = response({
    tools: [{ name: 'read', inputSchema: {} }, { name: 'write' }, { title: 'nameless' }],
    nextCursor: 'c',
  });
  const bytes = filterList('tools/list', frame, (item) => 'name' in item && item.name === 'read');
  assert.deepEqual(JSON.parse(bytes.toString()), {
    jsonrpc: '2.0',
    id: 1,
    result: { tools: [{ name: 'read', inputSchema: {} }], nextCursor: 'c' },
  });
});

test('R-18 whatever policy decides over by its caller is not for shared caches', () => {
  const frame = response({ contents: [], ttlMs: 5, cacheScope: 'public' });
  for (const method of ['resources/read', 'server/discover', null]) {
    const { result } = JSON.parse(filterList(method, frame, () => true).toString()) as {
      result: object;
    };
    assert.deepEqual(result, { contents: [], ttlMs: 5, cacheScope: 'private' });
  }
  // A tool may call what it likes so; it is no hint for caches.
  assert.equal(
    filterList('tools/call', frame, () => true),
    frame.bytes,
  );
});

test('R-18 a list that goes by its caller is not for shared caches', () => {
  for (const seesAll of [true, false]) {
    const frame = response({ tools: [{ name: 'a' }], ttlMs: 5, cacheScope: 'public' });
    const bytes = filterList('tools/list', frame, () => seesAll);
    const { result } = JSON.parse(bytes.toString()) as { result: Record<string, unknown> };
    assert.deepEqual([result['cacheScope'], result['ttlMs']], ['private', 5]);
  }
});

test('R-14 gives back the same bytes when nothing is hidden', () => {
  const frame = response({ resources: [{ uri: 'file:///a' }] });
  assert.equal(
    filterList('resources/list', frame, () => true),
    frame.bytes,
  );
  assert.equal(
    filterList('tools/call', frame, () => false),
    frame.bytes,
  );
});

test('R-11 filters a replayed response, whose request is not known, by its shape', () => {
  const frame = response({ prompts: [{ name: 'p' }], tools: [{ name: 't' }] });
  const bytes = filterList(null, frame, (item) => item.kind === 'tool');
  assert.deepEqual(JSON.parse(bytes.toString()).result, { prompts: [], tools: [{ name: 't' }] });
});
