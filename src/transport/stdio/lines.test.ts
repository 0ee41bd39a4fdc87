import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LineFramer } from './lines.ts';

function linesOf(chunks: readonly Buffer[], maxBytes = 1 << 20): string[] {
  const framer = new LineFramer(maxBytes);
  const lines: string[] = [];
  for (const chunk of chunks) framer.push(chunk, (line) => lines.push(line.toString('latin1')));
  return lines;
}

test('lines come out alike however the stream is cut', () => {
  const text = fc.array(fc.constantFrom('a', 'bb', '\n', '\r\n', '\r', '"', 'é'), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(text, fc.array(fc.nat(80), { maxLength: 20 }), (parts, cuts) => {
      const bytes = Buffer.from(parts.join(''));
      const edges = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)), bytes.length];
      edges.sort((a, b) => a - b);
      const chunks = edges
        .slice(1)
        .map((end, index) => Buffer.from(bytes.subarray(edges[index], end)));
      const whole = bytes.toString('latin1').split('\n').slice(0, -1);
      const expected = whole.map((line) => line.replace(/\r$/, '')).filter((line) => line !== '');
      assert.deepEqual(linesOf(chunks), expected);
    }),
  );
});

test('a line may be as long as the limit and no longer, in one chunk or many', () => {
  const exact = Buffer.from(`${'x'.repeat(64)}\r\n`);
  assert.deepEqual(linesOf([exact], 64), ['x'.repeat(64)]);
  assert.deepEqual(linesOf([exact.subarray(0, 65), exact.subarray(65)], 64), ['x'.repeat(64)]);
  const code = { code: 'POSTERN_UPSTREAM_MESSAGE_TOO_LARGE' };
  assert.throws(() => linesOf([Buffer.from(`${'x'.repeat(65)}\n`)], 64), code);
  assert.throws(() => linesOf([Buffer.alloc(40, 'x'), Buffer.alloc(40, 'x')], 64), code);
});

test('a line of 9 MiB in small chunks takes linear time', () => {
  const chunk = Buffer.alloc(512, 'x');
  const chunks = [...Array.from({ length: 18 * 1024 }, () => chunk), Buffer.from('\n')];
  const start = performance.now();
  const [line] = linesOf(chunks, 16 << 20);
  assert.equal(line?.length, 9 << 20);
  // Quadratic copying of 9 MiB in 18,432 steps would move 80 GiB.
  assert.ok(performance.now() - start < 2000);
});
