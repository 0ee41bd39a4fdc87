import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { breakDown } from './breakdown.ts';
import { flameGraph } from './flame-graph.ts';
import type { SampleNode } from './sample-tree.ts';
import { readSamples } from './sample-tree.ts';

const frame = (functionName: string, url: string) => ({ functionName, url, lineNumber: 4 });

/** The root calls the gateway, which calls `emit` (of nobody's own), which calls the policy twice. */
const NODES = [
  { id: 1, callFrame: frame('(root)', ''), children: [2, 3, 6] },
  { id: 2, callFrame: frame('(idle)', '') },
  { id: 3, callFrame: frame('handle', 'file:///p/src/gateway/calls.ts'), children: [4] },
  { id: 4, callFrame: frame('emit', 'node:events'), children: [5] },
  { id: 5, callFrame: frame('decide<T>', 'file:///p/src/policy/decide.ts'), children: [7] },
  { id: 6, callFrame: frame('(garbage collector)', '') },
  { id: 7, callFrame: frame('decide<T>', 'file:///p/src/policy/decide.ts') },
];

async function samples(t: TestContext): Promise<SampleNode> {
  const directory = await mkdtemp(join(tmpdir(), 'bench-profile-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const file = join(directory, 'a.cpuprofile');
  // One sample each 10 µs; the first and the last are outside of the window.
  const seen = [3, 2, 3, 4, 4, 5, 7, 6, 2, 5];
  const profile = { nodes: NODES, startTime: 0, samples: seen, timeDeltas: seen.map(() => 10) };
  await writeFile(file, JSON.stringify(profile));
  return readSamples(file, { from: 15, to: 95 });
}

test('samples of the window go to stages and functions, those in between to their callers', async (t) => {
  const { samples: count, stages, callers } = breakDown(await samples(t));
  assert.equal(count, 6);
  assert.deepEqual(stages, [
    { name: 'order of a call', share: 3 / 6, inclusive: 5 / 6 },
    { name: 'policy', share: 2 / 6, inclusive: 2 / 6 },
    { name: 'garbage collection', share: 1 / 6, inclusive: 1 / 6 },
  ]);
  assert.deepEqual(callers, [
    { name: 'handle src/gateway/calls.ts:5', share: 1 / 6, inclusive: 5 / 6 },
    { name: 'decide<T> src/policy/decide.ts:5', share: 2 / 6, inclusive: 2 / 6 },
  ]);
});

test('a flame graph is one file that loads nothing and takes names as text', async (t) => {
  const svg = flameGraph(await samples(t), 'a <case>', 60);
  assert.match(svg, /^<svg [^]*<\/svg>\n$/);
  assert.match(
    svg,
    /decide&lt;T&gt; src\/policy\/decide\.ts:5 — 33\.33 %, 20\.0 µs a call — policy/,
  );
  assert.doesNotMatch(svg.replace('http://www.w3.org/2000/svg', ''), /https?:|href|@import|url\(/);
});
