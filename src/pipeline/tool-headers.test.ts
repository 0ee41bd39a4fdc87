import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ToolHeaders } from './tool-headers.ts';

const annotated = (name: string, header = 'Region'): object => ({
  name,
  inputSchema: { properties: { region: { type: 'string', 'x-mcp-header': header } } },
});

function learn(known: ToolHeaders, tools: readonly object[], server = 'a', owner = 'alice'): void {
  const result = { tools };
  known.learn(server, owner, result, Buffer.from(JSON.stringify({ result })));
}

const headersOf = (known: ToolHeaders, tool: string, server = 'a', owner = 'alice') =>
  known.of(server, owner, tool).map(({ header }) => header);

test('R-23 each caller learns from what its own server tells it', () => {
  const known = new ToolHeaders();
  learn(known, [annotated('query'), { name: 'plain', inputSchema: {} }]);
  assert.deepEqual(headersOf(known, 'query'), ['mcp-param-region']);
  assert.deepEqual(headersOf(known, 'plain'), []);
  assert.deepEqual(headersOf(known, 'query', 'b'), []);
  assert.deepEqual(headersOf(known, 'query', 'a', 'bob'), []);
});

test('R-23 pages add up, and a tool that has changed is learned anew', () => {
  const known = new ToolHeaders();
  learn(known, [annotated('one')]);
  learn(known, [annotated('two')]);
  assert.deepEqual(headersOf(known, 'one'), ['mcp-param-region']);
  learn(known, [annotated('one', 'Zone')]);
  assert.deepEqual(headersOf(known, 'one'), ['mcp-param-zone']);
  learn(known, [{ name: 'one', inputSchema: {} }, annotated('two', 'no header')]);
  assert.deepEqual(headersOf(known, 'one'), []);
  assert.deepEqual(headersOf(known, 'two'), [], 'an invalid annotation counts for nothing');
});

test('R-17 lists that are none teach nothing', () => {
  const known = new ToolHeaders();
  learn(known, [annotated('one')]);
  const text = Buffer.from('"x-mcp-header"');
  for (const tools of [null, 'one', [null, 7, {}, { name: 1 }]]) {
    known.learn('a', 'alice', { tools }, text);
  }
  assert.deepEqual(headersOf(known, 'one'), ['mcp-param-region']);
});

test('R-18 what is remembered has a bound, for each caller and altogether', () => {
  const known = new ToolHeaders();
  const long = 'n'.repeat(1000);
  learn(
    known,
    Array.from({ length: 100 }, (_, index) => annotated(`${index}${long}`)),
  );
  assert.deepEqual(headersOf(known, `0${long}`), [], 'the first are forgotten');
  assert.deepEqual(headersOf(known, `99${long}`), ['mcp-param-region']);
  for (let caller = 0; caller < 1024; caller += 1) {
    learn(known, [annotated('query')], 'a', `caller-${caller}`);
  }
  assert.deepEqual(headersOf(known, `99${long}`), [], 'whoever was away the longest goes');
  assert.deepEqual(headersOf(known, 'query', 'a', 'caller-0'), ['mcp-param-region']);
});
