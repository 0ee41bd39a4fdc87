import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { JsonObject } from '#mcp';
import { isSevereEnough } from '#mcp';
import {
  answersTo,
  clientForStateful,
  clientForStateless,
  serverForOther,
} from './capabilities.ts';
import { introduced, introductionOf, withoutKeys } from './meta.ts';
import {
  errorForStateful,
  errorForStateless,
  resultForStateful,
  resultForStateless,
} from './results.ts';
import { digestOf } from './to-stateful/held-calls.ts';

const SERVER = { name: 's', version: '1' };

test('R-23 results gain what the newer era wants and lose it again', () => {
  const listed = {
    tools: [{ name: 't', execution: { taskSupport: 'optional' } }],
    nextCursor: 'c',
  };
  const forStateless = resultForStateless('tools/list', listed, SERVER);
  assert.deepEqual(forStateless, {
    tools: [{ name: 't' }],
    nextCursor: 'c',
    resultType: 'complete',
    ttlMs: 0,
    cacheScope: 'private',
    _meta: { 'io.modelcontextprotocol/serverInfo': SERVER },
  });
  assert.deepEqual(resultForStateful('tools/list', forStateless), {
    tools: [{ name: 't' }],
    nextCursor: 'c',
  });
  const called = resultForStateless('tools/call', { content: [], _meta: { mine: 1 } }, undefined);
  assert.deepEqual(called, { content: [], _meta: { mine: 1 }, resultType: 'complete' });
});

test('R-23 clients of the older era get schemas and content in their form', () => {
  const tools = [
    { name: 'a', outputSchema: { type: 'object' } },
    { name: 'b', outputSchema: { type: 'array' } },
  ];
  assert.deepEqual(resultForStateful('tools/list', { tools })['tools'], [tools[0], { name: 'b' }]);
  const call = { content: [], structuredContent: [1] };
  assert.deepEqual(resultForStateful('tools/call', call), { content: [] });
});

test('R-23 error codes are those of the client’s era', () => {
  const notFound = { code: -32_002, message: 'm', data: { uri: 'x' } };
  const invalid = { ...notFound, code: -32_602 };
  assert.deepEqual(errorForStateless(notFound), invalid);
  assert.deepEqual(errorForStateful('resources/read', invalid), notFound);
  assert.deepEqual(errorForStateful('tools/call', invalid), invalid);
  for (const code of [-32_020, -32_021, -32_022]) {
    assert.equal(errorForStateful('tools/call', { code, message: '' }).code, -32_600);
  }
});

test('R-23 tasks and what else has no counterpart is not promised', () => {
  const extensions = { 'io.modelcontextprotocol/tasks': {}, 'com.example/x': {} };
  const server = { tools: { listChanged: true }, tasks: {}, extensions };
  assert.deepEqual(serverForOther(server), {
    tools: { listChanged: true },
    extensions: { 'com.example/x': {} },
  });
  const client = { roots: { listChanged: true }, tasks: {}, sampling: { tools: {} } };
  assert.deepEqual(clientForStateless(client), { roots: {}, sampling: { tools: {} } });
  assert.deepEqual(clientForStateful(client), { roots: {}, sampling: { tools: {} } });
});

test('R-23 a client is asked for what it has declared alone', () => {
  const form = { method: 'elicitation/create', params: {} };
  const url = { method: 'elicitation/create', params: { mode: 'url' } };
  const tools = { method: 'sampling/createMessage', params: { tools: [] } };
  const cases: readonly (readonly [JsonObject, typeof form, boolean])[] = [
    [{}, form, false],
    [{ elicitation: {} }, form, true],
    [{ elicitation: {} }, url, false],
    [{ elicitation: { url: {} } }, url, true],
    [{ elicitation: { url: {} } }, form, false],
    [{ sampling: {} }, tools, false],
    [{ sampling: { tools: {} } }, tools, true],
    [{ roots: {} }, { method: 'roots/list', params: {} }, true],
    [{ tasks: {} }, { method: 'tasks/list', params: {} }, false],
  ];
  for (const [declared, question, may] of cases) assert.equal(answersTo(declared, question), may);
});

test('R-23 a client is introduced as it introduced itself; other metadata stays', () => {
  const client = { clientInfo: SERVER, capabilities: { roots: {} }, logLevel: 'warning' };
  const params = { name: 'x', _meta: { progressToken: 7, 'com.example/trace': 't' } };
  const sent = introduced(params, client);
  assert.deepEqual(introductionOf(sent, {}), client);
  assert.deepEqual(withoutKeys(sent), params);
  assert.equal(introductionOf({}, SERVER), null);
  assert.ok(isSevereEnough('error', 'warning') && !isSevereEnough('info', 'warning'));
  assert.ok(!isSevereEnough('constructor', 'debug'));
});

test('R-23 a request has one digest whatever the order of its keys, and no other has it', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue(), (args, other) => {
      const reversed = Object.fromEntries(Object.entries(args).toReversed());
      const digest = digestOf({ method: 'tools/call', params: { arguments: args, _meta: {} } });
      const same = { arguments: reversed, requestState: 'x', inputResponses: {} };
      assert.equal(digestOf({ method: 'tools/call', params: same }), digest);
      const more = { arguments: { ...args, 'one more': other } };
      if ('one more' in args) return;
      assert.notEqual(digestOf({ method: 'tools/call', params: more }), digest);
    }),
  );
});
