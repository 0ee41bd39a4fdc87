import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ToolSetSettings } from '#config';
import type { JsonObject } from '#mcp';
import { mergeCapabilities } from './introduce.ts';
import { Knowledge } from './knowledge.ts';
import { listShapeOf } from './list-shapes.ts';
import { mergeLists, META_COLLISIONS, META_MISSING } from './lists.ts';
import { Members } from './members.ts';
import { createToolSet, EVERYTHING } from './tool-set.ts';

const MEMBERS = new Members(
  ['a', 'b'].map((name) => ({ name, alias: name, federated: true })),
  { separator: '__' },
);

function answered(result: JsonObject) {
  const frame = { kind: 'response', bytes: Buffer.from(''), id: 1, outcome: { result } } as const;
  return { kind: 'answered', value: { status: 200, sessionId: null, frame } } as const;
}

function refused(code: number) {
  const error = { code, message: 'no' };
  const frame = { kind: 'response', bytes: Buffer.from(''), id: 1, outcome: { error } } as const;
  return { kind: 'answered', value: { status: 200, sessionId: null, frame } } as const;
}

function merge(
  outcomes: readonly Parameters<typeof mergeLists>[0][number]['outcome'][],
  { method = 'tools/list', set = EVERYTHING, cacheable = false, maxBytes = 100 } = {},
): JsonObject {
  const shape = listShapeOf(method);
  assert.ok(shape);
  const parts = MEMBERS.all.flatMap((member, index) => {
    const outcome = outcomes[index];
    return outcome === undefined ? [] : [{ member, outcome }];
  });
  const knowledge = new Knowledge(100);
  return mergeLists(parts, { shape, set, knowledge, owner: 'alice', cacheable, maxBytes }).result;
}

test('R-23 lists become one; a name that one server has twice is there once, and told', () => {
  const result = merge([
    answered({ tools: [{ name: 'x', n: 1 }, { name: 'x' }, { n: 7 }, null, { name: 9 }] }),
    answered({ tools: [{ name: 'x', n: 2 }] }),
  ]);
  assert.deepEqual(result, {
    tools: [
      { name: 'a__x', n: 1 },
      { name: 'b__x', n: 2 },
    ],
    _meta: { [META_COLLISIONS]: [{ server: 'a', name: 'a__x' }] },
  });
});

test('R-23 who has no such list, or is denied, is not missing; who failed is', () => {
  assert.deepEqual(merge([refused(-32601), refused(-32003)]), { tools: [] });
  assert.deepEqual(merge([refused(-32603), { kind: 'late' }]), {
    tools: [],
    _meta: {
      [META_MISSING]: [
        { server: 'a', reason: 'no' },
        { server: 'b', reason: 'it has not answered in time' },
      ],
    },
  });
});

test('R-14 a list does not grow beyond what one message may be', () => {
  const huge = answered({ tools: [{ name: 'x' }] });
  const frame = { ...huge.value.frame, bytes: Buffer.alloc(101) };
  const result = merge([{ ...huge, value: { ...huge.value, frame } }, huge]);
  assert.match(
    JSON.stringify(result),
    /"b__x".*"server":"a","reason":"the list would be too long"/,
  );
});

test('R-23 a list may be cached as long as its shortest-lived part, and not when one is missing', () => {
  const part = (ttlMs?: number) =>
    answered({ tools: [], ...(ttlMs === undefined ? {} : { ttlMs }) });
  const ttlOf = (result: JsonObject) => [result['ttlMs'], result['cacheScope']];
  const options = { cacheable: true };
  assert.deepEqual(ttlOf(merge([part(500), part(90)], options)), [90, 'private']);
  assert.deepEqual(ttlOf(merge([part(500), part()], options)), [0, 'private']);
  assert.deepEqual(ttlOf(merge([part(500), { kind: 'late' }], options)), [0, 'private']);
});

test('R-18 a set has what it names, whichever way a server may read a URI', () => {
  const set = createToolSet({
    name: 'some',
    servers: ['a'],
    tools: ['a__read_*'],
    prompts: [],
    resources: ['a+file:///srv/shared/*'],
  });
  assert.deepEqual([set.has('tool', 'a__read_x'), set.has('tool', 'a__write')], [true, false]);
  assert.equal(set.has('prompt', 'a__read_x'), false);
  assert.equal(set.has('resource', 'a+file:///srv/shared/x'), true);
  for (const way of ['../secret', '%2e%2e/secret', 'x/../../secret', '..\\secret']) {
    assert.equal(set.has('resource', `a+file:///srv/shared/${way}`), false, way);
  }
});

test('R-23 the endpoint can do what some server can, and nothing that it does not carry', () => {
  const servers = [
    { tools: {}, tasks: { list: {} }, extensions: { 'io.modelcontextprotocol/ui': {} } },
    { resources: { subscribe: true }, logging: {}, experimental: { x: {} } },
    { extensions: { 'io.modelcontextprotocol/tasks': {} } },
  ];
  assert.deepEqual(mergeCapabilities(servers, false), {
    tools: { listChanged: true },
    resources: { listChanged: true, subscribe: true },
    logging: {},
    extensions: { 'io.modelcontextprotocol/ui': {} },
  });
  const unknown = Object.keys(mergeCapabilities([], true));
  assert.deepEqual(unknown, ['tools', 'prompts', 'resources']);
});

test('R-11 R-23 a set holds however a server may read the URI', () => {
  const set = createToolSet({
    name: 's',
    servers: null,
    tools: null,
    prompts: null,
    resources: ['a+file:///pub/*'],
  });
  assert.ok(set.has('resource', 'a+file:///pub/x y'));
  for (const path of ['../secret', '%2e%2e/secret', String.raw`..\secret`, '.\t.\\secret']) {
    assert.ok(!set.has('resource', `a+file:///pub/${path}`), path);
  }
});

test('R-23 a set has the servers alone of which it may have something', () => {
  const servers = ['a', 'b', '1_c'].map((name) => ({ name, alias: name, federated: true }));
  const members = new Members(servers, { separator: '-' }).all;
  const serversOf = (patterns: Partial<ToolSetSettings>): string => {
    const none = { servers: null, tools: [], prompts: [], resources: [] };
    const set = createToolSet({ name: 's', ...none, ...patterns });
    return members.flatMap((member) => (set.hasServer(member) ? [member.server] : [])).join(' ');
  };
  assert.equal(serversOf({ tools: null, prompts: null, resources: null }), 'a b 1_c');
  assert.equal(serversOf({ tools: ['a-read_*'] }), 'a');
  assert.equal(serversOf({ tools: ['a-read'], prompts: ['1_*'] }), 'a 1_c');
  assert.equal(serversOf({ tools: ['*-read'] }), 'a b 1_c');
  assert.equal(serversOf({ resources: ['n..1.c+file:*'] }), '1_c');
  assert.equal(serversOf({ servers: ['b'], tools: ['*'] }), 'b');
  assert.equal(serversOf({ servers: ['b'], tools: ['a-*'] }), '');
});
