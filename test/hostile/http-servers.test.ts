/** Servers over HTTP that answer wrongly, slowly or not at all, and a neighbour among them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { pqFetch } from '../support/clients.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import type { BehaviourName, HttpServers } from './support/http-servers.ts';
import { BEHAVIOURS, startHttpServers } from './support/http-servers.ts';
import { untilStatus } from './support/processes.ts';
import { postMessage } from './support/session.ts';

const CALL = { jsonrpc: '2.0', id: 5, method: 'tools/call', params: { name: 'echo' } };

const LOST = 'POSTERN_UPSTREAM_UNAVAILABLE';
const SILENT = 'POSTERN_UPSTREAM_TIMEOUT';
const NOT_MCP = 'POSTERN_UPSTREAM_PROTOCOL';
const TOO_LARGE = 'POSTERN_UPSTREAM_MESSAGE_TOO_LARGE';
const CREDENTIALS = 'POSTERN_UPSTREAM_CREDENTIALS_REFUSED';

const EXPECTED: Readonly<Record<BehaviourName, readonly [code: string, says: RegExp]>> = {
  'closes before its answer': [LOST, /ended before it answered/],
  'closes amid its answer': [LOST, /ended amid its reply/],
  'closes amid its stream': [LOST, /ended amid its reply/],
  'never answers': [SILENT, /nothing came within the limit/],
  'hangs after its head': [SILENT, /nothing came within the limit/],
  'hangs amid its stream': [SILENT, /nothing came within the limit/],
  'sends its answer byte by byte': [SILENT, /longer than 2000 ms/],
  'sends interim answers for ever': [NOT_MCP, /status 102 was not asked for/],
  'answers with a page': [NOT_MCP, /answers with text\/html/],
  'fails with a page': [NOT_MCP, /answers 500 with text\/html/],
  'fails with other JSON': [NOT_MCP, /unreadable message/],
  'answers another id': [NOT_MCP, /no answer/],
  'answers with a request': [NOT_MCP, /no answer/],
  'answers with a key twice': [NOT_MCP, /same key twice/],
  'answers with half a message': [NOT_MCP, /not well-formed JSON/],
  'answers compressed': [NOT_MCP, /encoded as gzip/],
  'sends endless headers': [NOT_MCP, /not HTTP\/1\.1/],
  'speaks another protocol': [NOT_MCP, /not HTTP\/1\.1/],
  'frames its answer in two ways': [NOT_MCP, /not HTTP\/1\.1/],
  'declares an answer over the limit': [TOO_LARGE, /more than 1 MiB/],
  'sends an answer over the limit': [TOO_LARGE, /more than 1 MiB/],
  'sends an event over the limit': [TOO_LARGE, /more than 1 MiB/],
  'redirects elsewhere': [NOT_MCP, /redirects to .*, which is not followed/],
  'wants other credentials': [CREDENTIALS, /gateway’s own credentials/],
  forbids: [CREDENTIALS, /gateway’s own credentials/],
};

const NAMES = Object.keys(BEHAVIOURS) as BehaviourName[];

let servers: HttpServers;
let postern: TestPostern;
let http: ReturnType<typeof pqFetch>;
before(async () => {
  servers = await startHttpServers();
  const bad = NAMES.map((name, index) => [`bad-${index}`, { http: { url: servers.url(name) } }]);
  postern = await startTestPostern({
    servers: {
      ...Object.fromEntries(bad),
      good: { http: { url: servers.url('well') } },
      absent: { http: { url: 'http://127.0.0.1:1/mcp' } },
    },
    limits: {
      upstream_idle_timeout_ms: 1000,
      call_max_ms: 2000,
      max_message_bytes: 1024 * 1024,
      max_request_bytes: 1024 * 1024,
    },
  });
  http = pqFetch(postern);
});
after(async () => {
  await http.close();
  await postern.stop();
  await servers.close();
});

/** Calls a server while its neighbour is called, which must be served at once each time. */
async function callBesides(server: string): ReturnType<typeof postMessage> {
  const pending = postMessage(http.fetch, postern.url(server), CALL);
  const neighbour = await postMessage(http.fetch, postern.url('good'), CALL);
  assert.ok(neighbour.message?.result);
  return pending;
}

test('R-25 wrong answers fail their own calls alone', { concurrency: true }, async (t) => {
  const tests = NAMES.map((name, index) =>
    t.test(`a server that ${name}`, async () => {
      const [code, says] = EXPECTED[name];
      const { status, message } = await callBesides(`bad-${index}`);
      assert.equal(message?.error?.data?.code, code, JSON.stringify(message));
      assert.match(message?.error?.message ?? '', says);
      assert.equal(message?.id, 5);
      assert.equal(status, 200);
    }),
  );
  await Promise.all(tests);
});

test('a server that is not there is named so', async () => {
  const { message } = await callBesides('absent');
  assert.equal(message?.error?.data?.code, LOST);
  assert.match(message?.error?.message ?? '', /nothing listens there/);
});

test('R-25 no connection to a server that failed is kept', async () => {
  await untilStatus(postern, 'none is open', ({ servers: all, calls_in_flight: calls }) => {
    const open = Object.entries(all).filter(
      ([name, { connections }]) => name !== 'good' && !keepsAlive(name) && connections > 0,
    );
    return calls === 0 && open.length === 0;
  });
});

/** These answer whole and wrongly: HTTP itself is fine, so their connections may be used again. */
function keepsAlive(server: string): boolean {
  const name = NAMES[Number(server.slice('bad-'.length))];
  return /^(answers|fails|redirects|wants|forbids)/.test(name ?? '');
}

test('R-19 each failure is in the record', async () => {
  const entries = await postern.record();
  for (const [index, name] of NAMES.entries()) {
    const entry = entries.find(({ mcp }) => mcp.server === `bad-${index}`);
    assert.equal(entry?.outcome.code, EXPECTED[name][0], name);
    assert.equal(entry?.decision.effect, 'allow');
    assert.equal(entry?.upstream?.link?.['kind'], 'plain', `${name}: what carried it`);
  }
  const absent = entries.find(({ mcp }) => mcp.server === 'absent');
  assert.equal(absent?.upstream?.link, null);
});
