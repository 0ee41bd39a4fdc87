import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DEFAULT_LIMITS } from '#lib';
import { accessesOf } from './access.ts';
import { idKey, metaEntryOf, paramOf, readFrame, resultEntryOf } from './frame.ts';
import { jsonLimitsOf } from './json/limits.ts';

const limits = jsonLimitsOf(DEFAULT_LIMITS, 65_536);
const read = (message: unknown) => readFrame(Buffer.from(JSON.stringify(message)), limits);
const code = (expected: string) => (error: unknown) =>
  (error as { code: string }).code === expected;

test('R-23 tells requests, notifications and responses apart and keeps their bytes', () => {
  const bytes = Buffer.from(
    '{ "jsonrpc":"2.0", "id" : 7,"method":"tools/call","params":{"name":"x"}}',
  );
  const frame = readFrame(bytes, limits);
  assert.equal(frame.kind, 'request');
  assert.equal(frame.bytes, bytes);
  assert.deepEqual(frame.kind === 'request' && [frame.id, frame.method, frame.params['name']], [
    7,
    'tools/call',
    'x',
  ]);
  assert.equal(read({ jsonrpc: '2.0', method: 'notifications/initialized' }).kind, 'notification');
  assert.equal(read({ jsonrpc: '2.0', id: 'a', result: {} }).kind, 'response');
  const error = { jsonrpc: '2.0', id: null, error: { code: -32700, message: 'no' } };
  assert.equal(read(error).kind, 'response');
});

test('R-17 takes keys for what they are in their own object, whatever the messages before had', () => {
  const name = fc.constantFrom('name', 'uri', 'type', '_meta', 'ref', 'params', 'id', 'a', 'b');
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 3, withCrossShrink: true }, fc.nat(9), tie('object')),
    object: fc.dictionary(name, tie('value'), { maxKeys: 5, noNullPrototype: true }),
  }));
  const params = fc.record(
    { ref: value, _meta: value, name: value, notifications: value, a: value, uri: value },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.array(params, { minLength: 2, maxLength: 8 }), (messages) => {
      for (const message of messages) {
        // The keys in an order of the message's own.
        const shuffled = Object.fromEntries(Object.entries(message).toReversed());
        for (const each of [message, shuffled]) {
          const frame = read({ jsonrpc: '2.0', method: 'a/b', params: each });
          assert.ok(frame.kind === 'notification');
          for (const key of ['ref', '_meta', 'name', 'notifications', 'a', 'uri', 'b']) {
            assert.deepEqual(paramOf(frame, key), (each as Record<string, unknown>)[key]);
          }
          const meta = each['_meta'] as Record<string, unknown> | number | undefined;
          for (const key of ['progressToken', 'name', 'a']) {
            const expected = typeof meta === 'object' ? meta[key] : undefined;
            assert.deepEqual(metaEntryOf(frame, key), expected);
          }
        }
      }
    }),
    { numRuns: 500 },
  );
});

test('R-17 sees through escaped keys, whatever keys were read before', () => {
  const listen = (filter: string) =>
    Buffer.from(
      `{"jsonrpc":"2.0","id":7,"method":"subscriptions/listen","params":{"notifications":${filter}}}`,
    );
  const blind = String.raw`{"q":{"q":true,"resourceSubscription\\":1},"resourceSubscription\u0073":["file:///a"]}`;
  const secret = { kind: 'resource', name: 'file:///a' };
  assert.deepEqual(accessesOf(readFrame(listen(blind), limits)), [{ kind: 'server' }, secret]);
  const before = String.raw`{"p":true,"resourceSubscription\\":1}`;
  readFrame(listen(before), limits);
  const after = String.raw`{"p":true,"resourceSubscription\u0073":["file:///a"]}`;
  assert.deepEqual(accessesOf(readFrame(listen(after), limits)), [{ kind: 'server' }, secret]);

  const call = readFrame(
    Buffer.from(
      String.raw`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"arguments":{"arguments":{},"nam\\":1},"nam\u0065":"x"}}`,
    ),
    limits,
  );
  assert.ok(call.kind === 'request');
  assert.deepEqual([paramOf(call, 'name'), call.params['name']], ['x', 'x']);
  assert.deepEqual(call.params['arguments'], { arguments: {}, 'nam\\': 1 });
});

test('R-17 refuses a text for the same reason whatever was read before', () => {
  const few = { ...limits, maxKeys: 3 };
  const twice = Buffer.from('{"jsonrpc":"2.0","id":1,"method":"a","id":2}');
  assert.throws(() => readFrame(twice, few), code('POSTERN_FRAME_AMBIGUOUS'));
  readFrame(Buffer.from('{"jsonrpc":"2.0","method":"a","id":1}'), few);
  assert.throws(() => readFrame(twice, few), code('POSTERN_FRAME_AMBIGUOUS'));
});

test('R-17 refuses protocol keys in another letter case', () => {
  const ambiguous = code('POSTERN_FRAME_AMBIGUOUS');
  assert.throws(
    () => read({ jsonrpc: '2.0', id: 1, method: 'ping', Method: 'tools/call' }),
    ambiguous,
  );
  const params = { name: 'safe', Name: 'dangerous' };
  assert.throws(() => read({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }), ambiguous);
  assert.equal(
    read({ jsonrpc: '2.0', id: 1, method: 'x', params: { arguments: { Name: 1, name: 2 } } }).kind,
    'request',
  );
});

test('R-17 refuses protocol keys in spellings that other parsers fold, nested ones too', () => {
  const ambiguous = code('POSTERN_FRAME_AMBIGUOUS');
  const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'read' } };
  const variants = [
    { ...call, 'param\u017F': { name: 'delete' } },
    { ...call, params: { ...call.params, 'argument\u017F': {} } },
    { ...call, params: { ...call.params, '\uFF4Eame': 'delete' } },
    { ...call, params: { ...call.params, 'ur\u0130': 'file:///b' } },
    { ...call, params: { ref: { type: 'ref/prompt', name: 'a', Name: 'b' } } },
    { ...call, params: { notifications: {}, Notifications: { resourceSubscriptions: [] } } },
    { ...call, params: { notifications: { ResourceSubscriptions: [] } } },
    { ...call, params: { 'tas\u212AId': 'x' } },
  ];
  for (const message of variants) assert.throws(() => read(message), ambiguous);
});

test('refuses everything that is not exactly one JSON-RPC 2.0 message', () => {
  const wrong: unknown[] = [
    [],
    [{ jsonrpc: '2.0', id: 1, method: 'ping' }],
    'ping',
    null,
    {},
    { id: 1, method: 'ping' },
    { jsonrpc: '1.0', id: 1, method: 'ping' },
    { jsonrpc: '2.0', id: null, method: 'ping' },
    { jsonrpc: '2.0', id: {}, method: 'ping' },
    { jsonrpc: '2.0', id: 1, method: '' },
    { jsonrpc: '2.0', id: 1, method: 'ping', params: [] },
    { jsonrpc: '2.0', id: 1, method: 'ping', result: {} },
    { jsonrpc: '2.0', id: 1 },
    { jsonrpc: '2.0', id: 1, result: {}, error: { code: 1, message: '' } },
    { jsonrpc: '2.0', id: 1, result: 'text' },
    { jsonrpc: '2.0', id: 1, error: { code: 1.5, message: '' } },
    { jsonrpc: '2.0', result: {} },
  ];
  for (const message of wrong) {
    assert.throws(() => read(message), code('POSTERN_FRAME_NOT_JSON_RPC'), JSON.stringify(message));
  }
});

test('keeps the id 1 apart from the id "1"', () => {
  assert.notEqual(idKey(1), idKey('1'));
});

test('R-17 takes an id only when every parser reads the same', () => {
  const withId = (id: string) =>
    readFrame(Buffer.from(`{"jsonrpc":"2.0","id":${id},"method":"ping"}`), limits);
  for (const id of ['0', '-5', '7.0', '9007199254740991', '"7"', '"\\u0061"']) {
    const frame = withId(id);
    assert.equal(frame.kind === 'request' && frame.id, JSON.parse(id));
  }
  for (const id of ['9007199254740993', '7.5', '7e0', '-0', '1.00000000000000000001', '1e400']) {
    assert.throws(() => withId(id), code('POSTERN_FRAME_NOT_JSON_RPC'), id);
  }
});

test('R-17 refuses names that are no text to every parser', () => {
  const named = (name: string) =>
    readFrame(
      Buffer.from(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${name}"}}`),
      limits,
    );
  for (const name of ['a\\ud800', '\\udc00\\ud800', 'rm\\u0000x']) {
    assert.throws(() => named(name), code('POSTERN_FRAME_AMBIGUOUS'), name);
  }
  assert.equal(named('\\ud83d\\ude00\\\\u0000').kind, 'request');
});

test('reads one key as it stands in the whole', () => {
  const call = read({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'x', _meta: { progressToken: 5, other: 'y' }, arguments: { a: [1] } },
  });
  assert.ok(call.kind === 'request');
  assert.deepEqual([paramOf(call, 'name'), paramOf(call, 'absent')], ['x', undefined]);
  assert.deepEqual([metaEntryOf(call, 'progressToken'), metaEntryOf(call, 'other')], [5, 'y']);
  assert.deepEqual(paramOf(call, 'arguments'), { a: [1] });
  assert.equal(call.params, call.params, 'it is built once');
  const answer = read({ jsonrpc: '2.0', id: 1, result: { isError: true, content: [] } });
  assert.ok(answer.kind === 'response' && 'result' in answer.outcome);
  assert.equal(resultEntryOf(answer, 'isError'), true);
  assert.deepEqual(answer.outcome.result, { isError: true, content: [] });
});

/** A call with its members in some order, with some white space, one of its keys written with escapes. */
const anyCall = fc
  .record({
    keys: fc.shuffledSubarray(['jsonrpc', 'id', 'method', 'params', 'extra'], { minLength: 5 }),
    params: fc.shuffledSubarray(['name', 'arguments', '_meta', 'other', 'uri'], { minLength: 2 }),
    escaped: fc.constantFrom('method', 'name', 'none'),
    space: fc.constantFrom('', ' ', '\n  '),
    name: fc.string({ minLength: 1, maxLength: 80 }),
  })
  .map(({ keys, params, escaped, space, name }) => {
    const values = {
      jsonrpc: '2.0',
      id: 5,
      method: 'tools/call',
      extra: { id: 6 },
      name,
      uri: name,
    };
    const others = {
      arguments: { name: 'no', method: 1 },
      _meta: { progressToken: name },
      other: [name],
    };
    const written = (key: string): string => {
      const spelled =
        key === escaped ? `\\u00${key.charCodeAt(0).toString(16)}${key.slice(1)}` : key;
      const value =
        key === 'params' ? objectOf(params) : JSON.stringify({ ...values, ...others }[key]);
      return `"${spelled}"${space}:${space}${value}`;
    };
    const objectOf = (all: readonly string[]): string =>
      `{${space}${all.map(written).join(`${space},`)}${space}}`;
    return objectOf(keys);
  });

test('R-17 reads a message alike whatever messages came before', () => {
  const seen = (text: string): unknown => {
    const frame = readFrame(Buffer.from(text), limits);
    assert.ok(frame.kind === 'request');
    const [name, uri, token] = [
      paramOf(frame, 'name'),
      paramOf(frame, 'uri'),
      metaEntryOf(frame, 'progressToken'),
    ];
    return { id: frame.id, method: frame.method, name, uri, token };
  };
  const expected = (text: string): unknown => {
    const { id, method, params } = JSON.parse(text) as {
      id: number;
      method: string;
      params: Params;
    };
    return {
      id,
      method,
      name: params.name,
      uri: params.uri,
      token: params['_meta']?.progressToken,
    };
  };
  fc.assert(
    fc.property(fc.array(anyCall, { minLength: 1, maxLength: 6 }), (texts) => {
      for (const text of texts) assert.deepEqual(seen(text), expected(text));
    }),
  );
});

test('R-17 refuses a known key that occurs twice, with escapes or in another order than before', () => {
  const ambiguous = code('POSTERN_FRAME_AMBIGUOUS');
  read({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'a', _meta: {} } });
  for (const text of [
    '{"jsonrpc":"2.0","id":1,"method":"ping","method":"ping"}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","m\\u0065thod":"ping"}',
    '{"m\\u0065thod":"ping","jsonrpc":"2.0","id":1,"method":"ping"}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name":"b"}}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"},"params":{"name":"b"}}',
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{},"name":"a","_meta":{}}}',
  ]) {
    assert.throws(() => readFrame(Buffer.from(text), limits), ambiguous, text);
  }
});

interface Params {
  readonly name?: string;
  readonly uri?: string;
  readonly _meta?: { readonly progressToken?: string };
}
