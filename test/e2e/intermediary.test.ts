/**
 * What the specification asks of whoever stands between client and server, rule by rule, each with its
 * page; without a date it is 2026-07-28.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { MirrorServer } from '../support/mirror-server.ts';
import { startMirrorServer } from '../support/mirror-server.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import type { RawAnswer } from '../support/raw.ts';
import { errorCodeOf, initialize, request, send } from '../support/raw.ts';
import { programAt } from '../support/transports.ts';
import { until } from '../support/until.ts';

const STATELESS = '2026-07-28';
const META = {
  'io.modelcontextprotocol/protocolVersion': STATELESS,
  'io.modelcontextprotocol/clientCapabilities': {},
};
const PAGE = 'https://app.example';

let mirror: MirrorServer;
let postern: TestPostern;
before(async () => {
  mirror = await startMirrorServer();
  const plain = { address: '127.0.0.1:0', tls: 'off' };
  postern = await startTestPostern({
    servers: {
      mirror: { http: { url: mirror.url } },
      program: { stdio: programAt('test/fixtures/stateless-stdio.ts') },
      old: { stdio: programAt('test/fixtures/stateful-stdio.ts') },
    },
    listeners: [
      { name: 'main', ...plain, allowed_origins: [PAGE] },
      { name: 'strict', ...plain, min_revision: '2025-11-25' },
      { name: 'newest', ...plain, min_revision: STATELESS },
    ],
    policy: {
      p2p_connectivity: { enforce_pqc: false },
      rules: [{ id: 'all', effect: 'allow', principals: ['anonymous'] }],
    },
  });
});
after(async () => {
  await postern.stop();
  await mirror.close();
});

type Headers = Readonly<Record<string, string>>;

/** Headers of a stateless message; a name where the method has one. */
function headersOf(method: string, name?: string): Record<string, string> {
  const common = { 'mcp-protocol-version': STATELESS, 'mcp-method': method };
  return name === undefined ? common : { ...common, 'mcp-name': name };
}

/** Sends a sound stateless message, but for what is said otherwise. */
function stateless(
  server: string,
  method: string,
  params: Readonly<Record<string, unknown>> = {},
  headers: Headers = {},
): Promise<RawAnswer> {
  const { name, uri } = params as { name?: string; uri?: string };
  const message = request(7, method, { ...params, _meta: META });
  const sent = { ...headersOf(method, name ?? uri), ...headers };
  return send(fetch, postern.url(server), message, sent);
}

const route = (region: unknown, headers: Headers, server = 'mirror') =>
  stateless(server, 'tools/call', { name: 'route', arguments: { region } }, headers);

/** `data` of the error that an answer is. */
function dataOf({ message }: RawAnswer): Readonly<Record<string, unknown>> {
  const error = message?.['error'] as { data?: Record<string, unknown> } | undefined;
  return error?.data ?? assert.fail('no error');
}

interface Rule {
  readonly ask: () => Promise<RawAnswer>;
  readonly status: number;
  /** Of the JSON-RPC error. */
  readonly code?: number;
  readonly allow?: string;
}

const LIST = headersOf('tools/list');
const post = (server: string, body: unknown, headers: Headers) => () =>
  send(fetch, postern.url(server), body, headers);
const bare =
  (method: string, headers: Headers, server = 'old') =>
  () =>
    send(fetch, postern.url(server), null, headers, method);
const OLD = { 'mcp-protocol-version': '2025-11-25' };
const LOST = { 'mcp-session-id': 'from-another-life' };

const RULES: Readonly<Record<string, Rule>> = {
  'Overview, "_meta": a request without its revision is malformed': {
    ask: post('mirror', request(7, 'tools/list'), LIST),
    status: 400,
    code: -32602,
  },
  'Overview, "_meta": a request without its client’s capabilities is malformed': {
    ask: post(
      'mirror',
      request(7, 'tools/list', {
        _meta: { 'io.modelcontextprotocol/protocolVersion': STATELESS },
      }),
      LIST,
    ),
    status: 400,
    code: -32602,
  },
  'Streamable HTTP, "Protocol Version Header": it must match the body': {
    ask: post('mirror', request(7, 'tools/list', { _meta: META }), { ...LIST, ...OLD }),
    status: 400,
    code: -32020,
  },
  'Streamable HTTP, "Protocol Version Header": an unknown revision': {
    ask: () => stateless('mirror', 'tools/list', {}, { 'mcp-protocol-version': '1900-01-01' }),
    status: 400,
    code: -32022,
  },
  'Streamable HTTP, "Protocol Version Header": an unknown method, over HTTP': {
    ask: () => stateless('mirror', 'prompts/list'),
    status: 404,
    code: -32601,
  },
  'Streamable HTTP, "Protocol Version Header": a method that nobody knows': {
    ask: () => stateless('mirror', 'not/there'),
    status: 404,
    code: -32601,
  },
  'Streamable HTTP, "Protocol Version Header": an unknown method, over stdio': {
    ask: () => stateless('program', 'logging/setLevel'),
    status: 404,
    code: -32601,
  },
  'Streamable HTTP, "Server Validation": a header is missing': {
    ask: post('mirror', request(7, 'tools/list', { _meta: META }), {
      'mcp-protocol-version': STATELESS,
    }),
    status: 400,
    code: -32020,
  },
  'Streamable HTTP, "Server Validation": a header has characters that no header may have': {
    ask: () =>
      stateless('mirror', 'tools/call', { name: 'k\u00f6ln' }, { 'mcp-name': 'k\u00f6ln' }),
    status: 400,
    code: -32020,
  },
  'Streamable HTTP, "Sending Messages": one message a body': {
    ask: post('mirror', [request(7, 'tools/list', { _meta: META })], LIST),
    status: 400,
    code: -32600,
  },
  'Streamable HTTP, "Sending Messages": clients send no responses': {
    ask: post('mirror', { jsonrpc: '2.0', id: 1, result: {} }, LIST),
    status: 400,
    code: -32600,
  },
  'Streamable HTTP, "Sending Messages": a notification is accepted, over HTTP': {
    ask: post(
      'mirror',
      { jsonrpc: '2.0', method: 'notifications/progress' },
      headersOf('notifications/progress'),
    ),
    status: 202,
  },
  'Streamable HTTP, "Sending Messages": a notification is accepted, over stdio': {
    ask: post(
      'program',
      { jsonrpc: '2.0', method: 'notifications/progress' },
      headersOf('notifications/progress'),
    ),
    status: 202,
  },
  'Streamable HTTP, "Security & Endpoint": a page of another site': {
    ask: () => stateless('mirror', 'tools/list', {}, { origin: 'https://evil.example' }),
    status: 403,
    code: -32600,
  },
  'Streamable HTTP, "Earlier Streamable HTTP Revisions": no GET': {
    ask: bare('GET', { 'mcp-protocol-version': STATELESS }),
    status: 405,
    code: -32600,
    allow: 'POST',
  },
  'Streamable HTTP, "Earlier Streamable HTTP Revisions": no DELETE, session or not': {
    ask: bare('DELETE', { 'mcp-protocol-version': STATELESS, ...LOST }),
    status: 405,
    code: -32600,
    allow: 'POST',
  },
  'RFC 9110, 15.5.6: a method that no revision has': {
    ask: bare('PUT', {}),
    status: 405,
    code: -32600,
    allow: 'POST, GET, DELETE',
  },
  '2025-11-25, Transports, "Session Management": a lost session, with a message': {
    ask: post('old', request(7, 'ping'), { ...OLD, ...LOST }),
    status: 404,
    code: -32001,
  },
  '2025-11-25, Transports, "Session Management": a lost session, over HTTP': {
    ask: post('mirror', request(7, 'ping'), { ...OLD, ...LOST }),
    status: 404,
    code: -32001,
  },
  '2025-11-25, Transports, "Session Management": a lost session, coming back for more': {
    ask: bare('GET', { ...OLD, ...LOST, 'last-event-id': '3' }),
    status: 404,
    code: -32001,
  },
  '2025-11-25, Transports, "Session Management": a lost session, over HTTP, coming back for more': {
    ask: bare('GET', { ...OLD, ...LOST, 'last-event-id': '3' }, 'mirror'),
    status: 404,
    code: -32001,
  },
  '2025-11-25, Transports, "Session Management": a lost session, to be ended': {
    ask: bare('DELETE', { ...OLD, ...LOST }),
    status: 404,
    code: -32001,
  },
  '2025-11-25, Transports, "Session Management": no session where one is needed': {
    ask: post('old', request(7, 'ping'), OLD),
    status: 400,
    code: -32000,
  },
  '2025-11-25, Transports, "Session Management": no session for a stream': {
    ask: bare('GET', OLD),
    status: 400,
    code: -32000,
  },
};
for (const [rule, { ask, status, code, allow }] of Object.entries(RULES)) {
  test(`R-23 ${rule}`, async () => {
    const answer = await ask();
    assert.deepEqual([answer.status, errorCodeOf(answer)], [status, code]);
    assert.equal(answer.headers.get('allow'), allow ?? null);
    assert.equal(answer.headers.get('mcp-session-id'), null);
    assert.equal(answer.headers.get('cache-control'), 'no-store');
  });
}

test('R-23 Versioning: an unsupported revision names those that are, and what was asked for', async () => {
  const ask = (server: string) =>
    stateless(server, 'tools/list', {}, { 'mcp-protocol-version': 'soon' });
  const unheard = dataOf(await ask('old'));
  assert.equal(unheard['requested'], 'soon');
  assert.equal((unheard['supported'] as string[]).length, 5);
  await stateless('mirror', 'server/discover');
  assert.deepEqual(dataOf(await ask('mirror'))['supported'], [STATELESS]);
});

test('R-23 Changelog: requests of the stateful era are gone, whatever a server makes of them', async () => {
  const reached = mirror.reached.length;
  for (const [method, params] of [
    ['initialize', { protocolVersion: STATELESS }],
    ['ping', {}],
    ['logging/setLevel', { level: 'debug' }],
    ['resources/subscribe', {}],
    ['resources/unsubscribe', { resource: 'note://one' }],
  ] as const) {
    const answer = await stateless('mirror', method, params);
    assert.deepEqual([answer.status, errorCodeOf(answer)], [404, -32601], method);
  }
  assert.equal(mirror.reached.length, reached);
});

test('R-23 Streamable HTTP, "Earlier Streamable HTTP Revisions": a session is ignored', async () => {
  const answer = await stateless('mirror', 'tools/list', {}, { ...LOST, 'last-event-id': '1' });
  assert.deepEqual([answer.status, answer.headers.get('mcp-session-id')], [200, null]);
  const { headers } = mirror.reached.at(-1) ?? assert.fail();
  assert.deepEqual([headers['mcp-session-id'], headers['last-event-id']], [undefined, undefined]);
});

test('R-23 "Server Behavior for Custom Headers": what is not known is passed on', async () => {
  const sent = { 'mcp-param-tenant': '=?base64?w7w=?=', 'mcp-param-unknown': 'as it is' };
  await stateless('mirror', 'tools/call', { name: 'plain' }, sent);
  const { headers } = mirror.reached.at(-1) ?? assert.fail();
  assert.equal(headers['mcp-param-tenant'], '=?base64?w7w=?=');
  assert.equal(headers['mcp-param-unknown'], 'as it is');
});

for (const server of ['mirror', 'program']) {
  test(`R-23 "Server Behavior for Custom Headers": what is known is compared, ${server}`, async () => {
    assert.equal((await stateless(server, 'tools/list')).status, 200);
    const region = 'K\u00f6ln';
    const encoded = `=?base64?${Buffer.from(region).toString('base64')}?=`;
    assert.equal((await route(region, { 'mcp-param-region': encoded }, server)).status, 200);
    assert.equal((await route('eu', { 'mcp-param-region': 'eu' }, server)).status, 200);
    const reached = mirror.reached.length;
    const wrong: readonly Headers[] = [
      {},
      { 'mcp-param-region': 'us' },
      { 'mcp-param-region': encoded },
    ];
    for (const headers of wrong) {
      const answer = await route('eu', headers, server);
      assert.deepEqual([answer.status, errorCodeOf(answer)], [400, -32020]);
    }
    const extra = await route(null, { 'mcp-param-region': 'eu' }, server);
    assert.deepEqual([extra.status, errorCodeOf(extra)], [400, -32020]);
    assert.equal(mirror.reached.length, reached, 'no mismatch has reached the server');
  });
}

test('R-18 Caching: what policy decides over is private, and fresh for as long as the server says', async () => {
  for (const [method, params] of [
    ['tools/list', {}],
    ['server/discover', {}],
    ['resources/read', { uri: 'note://one' }],
  ] as const) {
    const { message } = await stateless('mirror', method, params);
    const { ttlMs, cacheScope } = (message?.['result'] ?? {}) as Record<string, unknown>;
    assert.deepEqual([ttlMs, cacheScope], [60_000, 'private'], method);
  }
});

/** Begins a call that has no end, reads its first event, and leaves. */
async function leave(headers: Headers, message: object): Promise<Response> {
  const abort = new AbortController();
  const response = await fetch(postern.url('mirror'), {
    method: 'POST',
    headers: {
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      ...headers,
    },
    body: JSON.stringify(message),
    signal: abort.signal,
  });
  const first = await response.body?.getReader().read();
  assert.equal(Buffer.from(first?.value ?? []).toString(), ': still here\n\n');
  abort.abort();
  return response;
}

test('R-23 "Receiving Messages" and "Cancellation": streams are not held back, leaving cancels', async () => {
  const params = { name: 'hang', _meta: META };
  const sent = headersOf('tools/call', 'hang');
  const response = await leave(sent, request('leaves', 'tools/call', params));
  assert.equal(response.headers.get('x-accel-buffering'), 'no');
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  await until('the server sees it', () => mirror.left.includes('leaves'));
});

/** Ids of the messages with which a call of `ask` is answered. */
async function idsOfAnswer(params: object, headers: Headers): Promise<readonly unknown[]> {
  const response = await fetch(postern.url('mirror'), {
    method: 'POST',
    headers: {
      accept: 'application/json, text/event-stream',
      'content-type': 'application/json',
      ...headers,
    },
    body: JSON.stringify(request(8, 'tools/call', { name: 'ask', ...params })),
  });
  const lines = (await response.text()).split('\n').filter((line) => line !== '');
  return lines.map((line) => (JSON.parse(line.slice('data: '.length)) as { id: unknown }).id);
}

test('R-23 "Receiving Messages": servers send no requests, and no answers of others', async () => {
  assert.deepEqual(await idsOfAnswer({ _meta: META }, headersOf('tools/call', 'ask')), [8]);
  await postern.logged(({ event }) => event === 'upstream.message_dropped');
});

test('R-18 R-23 2025-11-25 "Sending Messages to the Server": a request has its own answer alone', async () => {
  // The first is a request of the server, which it may make here.
  assert.deepEqual(await idsOfAnswer({}, OLD), [1, 8]);
});

test('R-23 a listener refuses clients that are older than it takes', async () => {
  const url = `${postern.listener('strict')}/servers/old/mcp`;
  // HTTP+SSE would let them in again.
  assert.equal((await send(fetch, url.replace(/mcp$/, 'sse'), null, {}, 'GET')).status, 404);
  const refused = await send(fetch, url, initialize('2025-06-18'));
  assert.deepEqual([refused.status, errorCodeOf(refused)], [400, -32602]);
  const data = dataOf(refused);
  assert.deepEqual(data['supported'], ['2025-11-25', STATELESS]);
  const opened = await send(fetch, url, initialize('2025-11-25'));
  const session = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' };
  const initialized = { jsonrpc: '2.0', method: 'notifications/initialized' };
  assert.equal((await send(fetch, url, initialized, { ...session, ...OLD })).status, 202);
  assert.equal((await send(fetch, url, request(1, 'ping'), { ...session, ...OLD })).status, 200);
  for (const header of [{}, { 'mcp-protocol-version': '2025-06-18' }]) {
    const answer = await send(fetch, url, request(2, 'ping'), { ...session, ...header });
    assert.deepEqual([answer.status, errorCodeOf(answer)], [400, -32022]);
  }
  assert.equal((await send(fetch, url, null, { ...session, ...OLD }, 'DELETE')).status, 200);
});

test('R-23 Versioning: a listener of the stateless era says so to clients of the other', async () => {
  const url = `${postern.listener('newest')}/servers/mirror/mcp`;
  const answers = [
    await send(fetch, url, initialize()),
    await send(fetch, url, request(1, 'ping'), { ...OLD, ...LOST }),
    await send(fetch, url, request(1, 'ping')),
    await send(fetch, url, null, LOST, 'GET'),
  ];
  assert.deepEqual(
    answers.map((answer) => [answer.status, errorCodeOf(answer)]),
    [
      [400, -32602],
      [400, -32022],
      [400, -32020],
      [405, -32600],
    ],
  );
  for (const answer of answers.slice(0, 2)) {
    assert.deepEqual(dataOf(answer)['supported'], [STATELESS]);
  }
});

test('R-23 a session in an older revision than the listener takes is ended again', async () => {
  const url = `${postern.listener('strict')}/servers/mirror/mcp`;
  const answer = await send(fetch, url, initialize('2025-11-25'));
  assert.deepEqual([answer.status, errorCodeOf(answer)], [400, -32602]);
  assert.equal(answer.headers.get('mcp-session-id'), null);
  await until('it is ended', () =>
    mirror.reached.some(
      ({ httpMethod, headers }) =>
        httpMethod === 'DELETE' && headers['mcp-session-id'] === 'opened',
    ),
  );
});

test('R-24 calls are counted by server, revision and outcome; names of clients’ making are not', async () => {
  await send(fetch, postern.url('made-up'), request(1, 'ping'), OLD);
  const response = await fetch(new URL('/metrics', postern.admin));
  const text = await response.text();
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  const sides =
    'client_era="stateless",client_revision="2026-07-28",' +
    'upstream_era="stateless",upstream_revision="2026-07-28"';
  assert.match(
    text,
    new RegExp(`^postern_calls_total{server="mirror",${sides},outcome="ok"} \\d+$`, 'm'),
  );
  assert.match(
    text,
    /^postern_requests_rejected_total{listener="main",code="POSTERN_HEADER_MISMATCH"} \d+$/m,
  );
  assert.match(text, /^postern_sessions{server="old"} 0$/m);
  assert.match(text, /^postern_child_processes{server="program"} 1$/m);
  assert.match(text, /^postern_calls_total{server="",.*outcome="failed"} 1$/m);
  assert.doesNotMatch(text, /made-up/);
});

test('CORS: pages of allowed origins may send what MCP needs and read every answer', async () => {
  const url = postern.url('mirror');
  const preflight = (origin: string, asked: string) =>
    fetch(url, {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': asked,
      },
    });
  const { status, headers } = await preflight(PAGE, 'content-type,mcp-param-region,x-other');
  assert.equal(status, 204);
  assert.equal(headers.get('access-control-allow-origin'), PAGE);
  assert.equal(headers.get('access-control-allow-methods'), 'POST, GET, DELETE');
  const allowed = new Set((headers.get('access-control-allow-headers') ?? '').split(', '));
  for (const name of ['content-type', 'authorization', 'mcp-session-id', 'mcp-param-region']) {
    assert.ok(allowed.has(name), name);
  }
  assert.ok(!allowed.has('x-other') && !allowed.has('*'));
  for (const origin of ['https://evil.example', 'null', `${PAGE}.evil.example`]) {
    const refused = await preflight(origin, 'content-type');
    assert.equal(refused.status, 403);
    assert.equal(refused.headers.get('access-control-allow-origin'), null);
  }
  for (const answer of [
    await stateless('mirror', 'tools/list', {}, { origin: PAGE }),
    await send(fetch, url, null, { origin: PAGE, ...OLD, ...LOST }, 'GET'),
  ]) {
    assert.equal(answer.headers.get('access-control-allow-origin'), PAGE);
    assert.match(answer.headers.get('access-control-expose-headers') ?? '', /\bMcp-Session-Id\b/);
    assert.equal(answer.headers.get('vary'), 'Origin');
  }
  const program = await stateless('mirror', 'tools/list');
  assert.equal(program.headers.get('access-control-allow-origin'), null);
  assert.equal(program.headers.get('vary'), 'Origin');
});
