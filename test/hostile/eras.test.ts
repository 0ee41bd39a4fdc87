/** Headers that tell another story than the body, and clients that change their era half way. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { issueClient } from '#identity';
import { pqFetch } from '../support/clients.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { hostileServer } from './support/programs.ts';
import type { Answer } from './support/session.ts';
import { contentOf, McpSession, postMessage } from './support/session.ts';

const STATELESS = '2026-07-28';
const META = 'io.modelcontextprotocol/protocolVersion';

let postern: TestPostern;
let http: ReturnType<typeof pqFetch>;
before(async () => {
  postern = await startTestPostern({
    // What clients of the wrong era meet without a bridge.
    servers: {
      modern: { ...hostileServer('modern'), bridge: 'off' },
      old: { ...hostileServer(), bridge: 'off' },
    },
    policy: {
      rules: [
        { id: 'all', effect: 'allow', principals: ['anonymous', '*'] },
        { id: 'no-env', effect: 'deny', principals: ['anonymous', '*'], tools: ['env'] },
      ],
    },
  });
  http = pqFetch(postern);
});
after(async () => {
  await http.close();
  await postern.stop();
});

/** A sound call of 2026-07-28, but for its envelope. */
const HEADERS = {
  'mcp-protocol-version': STATELESS,
  'mcp-method': 'tools/call',
  'mcp-name': 'heard',
};
const MESSAGE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
};
const ENVELOPE = { [META]: STATELESS, 'io.modelcontextprotocol/clientCapabilities': {} };

interface Change {
  /** `undefined` leaves a header out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly tool?: string;
  readonly meta?: Readonly<Record<string, unknown>>;
}

function call({ headers = {}, tool = 'heard', meta = {} }: Change, server = 'modern') {
  const sent = Object.entries({ ...HEADERS, ...headers }).filter(
    ([, value]) => value !== undefined,
  );
  const params = { name: tool, arguments: {}, _meta: { ...ENVELOPE, ...meta } };
  const message = { ...MESSAGE, params };
  const url = postern.url(server);
  return postMessage(http.fetch, url, message, Object.fromEntries(sent) as Record<string, string>);
}

const MISMATCHES: Readonly<Record<string, Change>> = {
  'no Mcp-Method': { headers: { 'mcp-method': undefined } },
  'another Mcp-Method': { headers: { 'mcp-method': 'tools/list' } },
  'Mcp-Method in another case': { headers: { 'mcp-method': 'Tools/Call' } },
  'no Mcp-Name': { headers: { 'mcp-name': undefined } },
  'a harmless Mcp-Name over a denied tool': { tool: 'env' },
  'a denied Mcp-Name over a harmless tool': { headers: { 'mcp-name': 'env' } },
  'Mcp-Name in malformed base64': { headers: { 'mcp-name': '=?base64?aGVhcmQ?=' } },
  'Mcp-Name in base64 of no UTF-8': { headers: { 'mcp-name': '=?base64?/w==?=' } },
  'an older revision in the body': { meta: { [META]: '2025-11-25' } },
  'an older revision in the header': { headers: { 'mcp-protocol-version': '2025-11-25' } },
  'no revision in the header': { headers: { 'mcp-protocol-version': undefined } },
};
for (const [what, change] of Object.entries(MISMATCHES)) {
  test(`R-23 ${what} is a mismatch`, async () => {
    const { status, message } = await call(change);
    const { code, data } = message?.error ?? {};
    assert.deepEqual([status, code, data?.code], [400, -32020, 'POSTERN_HEADER_MISMATCH']);
  });
}

test('R-23 a request without its revision in the body has invalid parameters', async () => {
  const { status, message } = await call({ meta: { [META]: undefined } });
  assert.deepEqual([status, message?.error?.code], [400, -32602]);
});

test('R-23 a revision that does not exist is refused', async () => {
  for (const version of ['2030-01-01', '2026-7-28', '', '2026-07-28, 2025-11-25']) {
    const { status, message } = await call({ headers: { 'mcp-protocol-version': version } });
    assert.deepEqual([status, message?.error?.code], [400, -32022], version);
  }
});

test('R-15 the tool in the body decides, however the header spells it', async () => {
  const encoded = (name: string): string => `=?base64?${Buffer.from(name).toString('base64')}?=`;
  const served = await call({ headers: { 'mcp-name': encoded('heard') } });
  assert.equal(served.status, 200);
  assert.equal(heardBy(served).length, 1, 'no mismatch has reached a server');
  const denied = await call({ headers: { 'mcp-name': encoded('env') }, tool: 'env' });
  assert.equal(denied.message?.error?.data?.code, 'POSTERN_ACCESS_DENIED');
});

test('R-23 the stateless era has neither GET nor DELETE nor initialize', async () => {
  const headers = { 'mcp-protocol-version': STATELESS, accept: 'text/event-stream' };
  for (const method of ['GET', 'DELETE']) {
    const response = await http.fetch(postern.url('modern'), { method, headers });
    assert.equal(response.status, 405);
    assert.equal(response.headers.get('allow'), 'POST');
    await response.text();
  }
  const initialize = { ...MESSAGE, method: 'initialize', params: { _meta: ENVELOPE } };
  const sent = { ...HEADERS, 'mcp-method': 'initialize' };
  const { status } = await postMessage(http.fetch, postern.url('modern'), initialize, sent);
  assert.equal(status, 404);
});

test('R-23 a session of the stateful era cannot be used from the stateless one', async () => {
  const session = await McpSession.open(http.fetch, postern.url('old'));
  const outside = await call({ headers: { 'mcp-session-id': session.id } }, 'old');
  assert.equal(heardBy(outside).length, 1, 'another process answered');
  assert.equal(outside.headers.get('mcp-session-id'), null);
  assert.equal(heardBy(await session.call('heard')).length, 3);
  await session.end();
});

test('R-23 a session goes on in its own era alone, and ends once', async () => {
  const session = await McpSession.open(http.fetch, postern.url('old'));
  const headers = { 'mcp-session-id': session.id, 'mcp-protocol-version': '2025-06-18' };
  const message = { jsonrpc: '2.0', id: 9, method: 'tools/call', params: { name: 'heard' } };
  assert.equal((await postMessage(http.fetch, session.url, message, headers)).status, 200);
  await session.end();
  for (const url of [session.url, postern.url('modern')]) {
    assert.equal((await postMessage(http.fetch, url, message, headers)).status, 404);
  }
  const { status } = await postMessage(http.fetch, session.url, message);
  assert.equal(status, 400, 'no session at all');
});

test('R-13 a session serves nobody but the principal that opened it', async () => {
  const alice = await issueClient(postern.stateDir, 'alice');
  const hers = pqFetch(postern, { key: alice.keyPem, cert: alice.chainPem });
  const session = await McpSession.open(hers.fetch, postern.url('old'));
  const message = { jsonrpc: '2.0', id: 9, method: 'tools/call', params: { name: 'heard' } };
  const headers = { 'mcp-session-id': session.id };
  const stolen = await postMessage(http.fetch, session.url, message, headers);
  assert.deepEqual(
    [stolen.status, stolen.message?.error?.data?.code],
    [404, 'POSTERN_SESSION_NOT_FOUND'],
  );
  for (const method of ['GET', 'DELETE']) {
    const response = await http.fetch(session.url, { method, headers });
    assert.equal(response.status, 404);
    await response.text();
  }
  assert.equal(heardBy(await session.call('heard')).length, 3);
  await session.end();
  await hers.close();
});

/** Lines that the server got, as it tells itself. */
function heardBy(answer: Answer): readonly string[] {
  return contentOf(answer)['heard'] as string[];
}
