import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_LIMITS } from '#lib';
import { isBatch, readBatch } from './batch.ts';
import { jsonLimitsOf } from './json/limits.ts';

const limits = jsonLimitsOf(DEFAULT_LIMITS, 65_536);
const read = (text: string, maxMessages = 10) => readBatch(Buffer.from(text), limits, maxMessages);
const notRpc = (error: unknown) =>
  (error as { code: string }).code === 'POSTERN_FRAME_NOT_JSON_RPC';
const ping = (id: unknown): string => JSON.stringify({ jsonrpc: '2.0', id, method: 'ping' });

test('R-23 each message of a batch keeps its exact bytes', () => {
  const spaces = fc.constantFrom('', ' ', '\n', '\r\n\t ');
  const message = fc.tuple(fc.jsonValue(), spaces, spaces).map(([value, before, after]) => {
    const params = `{"value" :${before}${JSON.stringify(value)}${after}}`;
    return { text: `{"jsonrpc":"2.0","method":"x","params":${params}}`, before, after };
  });
  fc.assert(
    fc.property(fc.array(message, { minLength: 1, maxLength: 10 }), (messages) => {
      const parts = messages.map(({ text, before, after }) => before + text + after);
      const frames = read(`\n[${parts.join(',')}] `);
      assert.deepEqual(
        frames.map(({ bytes }) => bytes.toString()),
        messages.map(({ text }) => text),
      );
    }),
  );
});

test('R-17 refuses batches that are empty, too long, or hold what is no message', () => {
  for (const text of ['[]', '[ ]', '[1]', '[[]]', `[${ping(1)},null]`, `[${ping(1)},{}]`]) {
    assert.throws(() => read(text), notRpc, text);
  }
  assert.equal(read(`[${ping(1)},${ping(2)}]`, 2).length, 2);
  assert.throws(() => read(`[${ping(1)},${ping(2)}]`, 1), notRpc);
});

test('R-17 refuses ids that occur twice, and initialize', () => {
  assert.throws(() => read(`[${ping(1)},${ping(1)}]`), notRpc);
  assert.equal(read(`[${ping(1)},${ping('1')}]`).length, 2);
  assert.throws(() => read('[{"jsonrpc":"2.0","id":1,"method":"initialize"}]'), notRpc);
});

test('R-23 batches exist in 2025-03-26 alone, whose clients send no header', () => {
  const batch = Buffer.from(' \n[]');
  assert.equal(isBatch(batch, {}), true);
  assert.equal(isBatch(batch, { 'mcp-protocol-version': '2025-03-26' }), true);
  assert.equal(isBatch(batch, { 'mcp-protocol-version': '2025-06-18' }), false);
  assert.equal(isBatch(Buffer.from(' {"a":[]}'), {}), false);
});
