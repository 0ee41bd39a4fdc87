/** JSON that two parsers could read differently, or that is meant to hurt the one that reads it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { pqFetch } from '../support/clients.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { hostileServer } from './support/programs.ts';
import { contentOf, McpSession, postMessage } from './support/session.ts';

let postern: TestPostern;
let http: ReturnType<typeof pqFetch>;
let session: McpSession;
before(async () => {
  postern = await startTestPostern({
    servers: { target: hostileServer(), modern: hostileServer('modern') },
    policy: {
      rules: [
        { id: 'all', effect: 'allow', principals: ['anonymous'] },
        { id: 'not-this', effect: 'deny', principals: ['anonymous'], tools: ['crash'] },
      ],
    },
    limits: { max_request_bytes: 65_536, max_json_depth: 64 },
  });
  http = pqFetch(postern);
  session = await McpSession.open(http.fetch, postern.url('target'));
});
after(async () => {
  await http.close();
  await postern.stop();
});

const NOT_JSON = { status: 400, code: 'POSTERN_FRAME_NOT_JSON', rpc: -32700 };
const NOT_RPC = { status: 400, code: 'POSTERN_FRAME_NOT_JSON_RPC', rpc: -32600 };
const AMBIGUOUS = { status: 400, code: 'POSTERN_FRAME_AMBIGUOUS', rpc: -32600 };
const TOO_DEEP = { status: 400, code: 'POSTERN_FRAME_TOO_DEEP', rpc: -32600 };
const TOO_LARGE = { status: 413, code: 'POSTERN_FRAME_TOO_LARGE', rpc: -32600 };
const INVALID = { status: 200, code: 'POSTERN_INVALID_PARAMS', rpc: -32602 };

interface Case {
  readonly send: string | Buffer;
  readonly status: number;
  readonly code: string;
  readonly rpc: number;
}

/** A call of a harmless tool, as text to spoil. */
const CALL = '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo"}}';

const CASES: Readonly<Record<string, Case>> = {
  'a method twice': { send: CALL.replace('{', '{"method":"ping",'), ...AMBIGUOUS },
  'a tool twice': { send: CALL.replace('"name"', '"name":"crash","name"'), ...AMBIGUOUS },
  'a tool twice, once escaped': {
    send: CALL.replace('"name"', String.raw`"n\u0061me":"crash","name"`),
    ...AMBIGUOUS,
  },
  'an id twice': { send: CALL.replace('"id":7', '"id":7,"id":8'), ...AMBIGUOUS },
  'a key twice deep within': {
    send: CALL.replace('"echo"', '"echo","arguments":{"a":[{"b":1,"b":2}]}'),
    ...AMBIGUOUS,
  },
  'Method beside method': { send: CALL.replace('{', '{"Method":"ping",'), ...AMBIGUOUS },
  'PARAMS alone': { send: CALL.replace('params', 'PARAMS'), ...AMBIGUOUS },
  'Name in params': { send: CALL.replace('"name"', '"Name":"crash","name"'), ...AMBIGUOUS },
  'deep arrays': { send: nested('[', ']'), ...TOO_DEEP },
  'deep objects': { send: nested('{"a":', '}'), ...TOO_DEEP },
  'depth that never closes': { send: '['.repeat(60_000), ...TOO_DEEP },
  'too many bytes': { send: CALL.replace('"echo"', `"${'e'.repeat(66_000)}"`), ...TOO_LARGE },
  'a byte order mark': {
    send: Buffer.concat([Buffer.from('efbbbf', 'hex'), Buffer.from(CALL)]),
    ...NOT_JSON,
  },
  'UTF-16': { send: Buffer.from(CALL, 'utf16le'), ...NOT_JSON },
  'bytes that are no UTF-8': { send: spoiled(Buffer.from([0xff])), ...NOT_JSON },
  'an overlong encoding': { send: spoiled(Buffer.from([0xc0, 0xae])), ...NOT_JSON },
  'a surrogate in UTF-8': { send: spoiled(Buffer.from([0xed, 0xa0, 0x80])), ...NOT_JSON },
  'bytes after the message': { send: `${CALL}{}`, ...NOT_JSON },
  'two messages, one a line': { send: `${CALL}\n${CALL}`, ...NOT_JSON },
  'a NUL after the message': { send: `${CALL}\0`, ...NOT_JSON },
  'a comment': { send: CALL.replace('{', '{/**/'), ...NOT_JSON },
  'a comma too many': { send: CALL.replace('}}', '},}'), ...NOT_JSON },
  'single quotes': { send: CALL.replaceAll('"', "'"), ...NOT_JSON },
  NaN: { send: CALL.replace('7', 'NaN'), ...NOT_JSON },
  'a raw line feed in a string': { send: CALL.replace('echo', 'ec\nho'), ...NOT_JSON },
  'an empty batch': { send: '[]', ...NOT_RPC },
  'a batch within a batch': { send: `[[${CALL}]]`, ...NOT_RPC },
  'a batch of too many messages': { send: `[${`${CALL},`.repeat(64)}${CALL}]`, ...NOT_RPC },
  'a batch with an id twice': { send: `[${CALL},${CALL}]`, ...NOT_RPC },
  'a batch with a key twice': {
    send: `[${CALL.replace('"name"', '"name":"crash","name"')}]`,
    ...AMBIGUOUS,
  },
  'a batch that is nearly JSON': { send: `[${CALL},]`, ...NOT_JSON },
  'a string': { send: '"initialize"', ...NOT_RPC },
  null: { send: 'null', ...NOT_RPC },
  'id null': { send: CALL.replace('7', 'null'), ...NOT_RPC },
  'id true': { send: CALL.replace('7', 'true'), ...NOT_RPC },
  'an id that is an object': { send: CALL.replace('7', '{}'), ...NOT_RPC },
  'an id beyond all numbers': { send: CALL.replace('7', '1e999'), ...NOT_RPC },
  'JSON-RPC 1.0': { send: CALL.replace('"2.0"', '"1.0"'), ...NOT_RPC },
  'no jsonrpc': { send: CALL.replace('"jsonrpc":"2.0",', ''), ...NOT_RPC },
  'params that are an array': { send: CALL.replace('{"name":"echo"}', '["echo"]'), ...NOT_RPC },
  'a method that is a number': { send: CALL.replace('"tools/call"', '5'), ...NOT_RPC },
  'request and response at once': { send: CALL.replace('{', '{"result":{},'), ...NOT_RPC },
  'result and error at once': {
    send: '{"jsonrpc":"2.0","id":7,"result":{},"error":{"code":1,"message":"x"}}',
    ...NOT_RPC,
  },
  'no tool': { send: CALL.replace('"name":"echo"', ''), ...INVALID },
  'a tool that is a list': { send: CALL.replace('"echo"', '["echo","crash"]'), ...INVALID },
  'a tool behind __proto__': {
    send: CALL.replace('"name":"echo"', '"__proto__":{"name":"echo"}'),
    ...INVALID,
  },
};

function nested(open: string, close: string): string {
  const value = `${open.repeat(100)}1${close.repeat(100)}`;
  return CALL.replace('"echo"', `"echo","arguments":{"a":${value}}`);
}

function spoiled(bytes: Buffer): Buffer {
  const [head = '', tail = ''] = CALL.split('echo');
  return Buffer.concat([Buffer.from(head), bytes, Buffer.from(tail)]);
}

for (const [what, { send, ...expected }] of Object.entries(CASES)) {
  test(`R-17 ${what} is refused with ${expected.code}`, async () => {
    const headers = { 'mcp-session-id': session.id };
    const { status, message } = await postMessage(http.fetch, session.url, send, headers);
    const { code: rpc, data } = message?.error ?? {};
    assert.deepEqual({ status, code: data?.code, rpc }, expected);
  });
}

test('R-17 nothing of it has reached the server, and it still answers', async () => {
  const { heard } = contentOf(await session.call('heard')) as { heard: string[] };
  assert.deepEqual(
    heard.map((line) => (JSON.parse(line) as { method: string }).method),
    ['initialize', 'notifications/initialized', 'tools/call'],
  );
});

test('odd but sound JSON arrives as it was sent', async () => {
  const sound = String.raw`{ "id" : "\u0061\"\\", "jsonrpc":"2.0","method":"tools/call",
    "params":{"arguments":{"big":123456789012345678901234567890,"tiny":1e-400,"x":"\ud800",
    "NAME":1},"name":"heard"} }`;
  const headers = { 'mcp-session-id': session.id };
  const answer = await postMessage(http.fetch, session.url, sound, headers);
  assert.equal(answer.message?.id, 'a"\\');
  const { heard } = contentOf(answer) as { heard: string[] };
  assert.equal(heard.at(-1), sound.replaceAll('\n', ' '));
});

test('a message of the largest size passes', async () => {
  const args = { filler: 'x'.repeat(65_000) };
  const { status, message } = await session.call('echo', args);
  assert.equal(status, 200);
  assert.ok(message?.result);
});
