/** Clients of HTTP+SSE that do what they should not. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startStatefulHttp } from '../fixtures/stateful-http.ts';
import { newHold } from '../fixtures/stateful-server.ts';
import { pqFetch } from '../support/clients.ts';
import type { Caller } from '../support/identified.ts';
import { callerNamed } from '../support/identified.ts';
import type { TestPostern } from '../support/postern.ts';
import { ALLOW_ALL, startTestPostern } from '../support/postern.ts';
import { programAt } from '../support/transports.ts';
import { until } from '../support/until.ts';
import { memoryOf, NO_PROC, pidOf, untilStatus } from './support/processes.ts';
import { SseByHand } from './support/sse-session.ts';

const MIB = 1024 * 1024;
const SERVER = { stdio: programAt('test/fixtures/stateful-stdio.ts') };

let postern: TestPostern;
let anybody: ReturnType<typeof pqFetch>;
let alice: Caller;
before(async () => {
  postern = await startTestPostern({
    listeners: [
      { name: 'main', address: '127.0.0.1:0' },
      { name: 'plain', address: '127.0.0.1:0', tls: 'off' },
      { name: 'modern', address: '127.0.0.1:0', tls: 'off', legacy_sse: 'off' },
    ],
    servers: { server: SERVER },
    limits: {
      max_in_flight_per_session: 16,
      max_sessions_per_principal: 4,
      max_request_bytes: 65_536,
      session_setup_timeout_ms: 5000,
      slow_reader_timeout_ms: 1000,
    },
    log: { level: 'debug', format: 'json' },
  });
  anybody = pqFetch(postern);
  alice = await callerNamed(postern, 'alice');
});
after(async () => {
  await Promise.all([anybody.close(), alice.close()]);
  await postern.stop();
});

const url = (listener = 'main'): string => `${postern.listener(listener)}/servers/server/sse`;
const nothingLeft = (): Promise<void> =>
  untilStatus(postern, 'nothing is left', ({ servers, calls_in_flight }) => {
    return calls_in_flight === 0 && servers['server']?.children === 0;
  });

test('R-23 a session is its opener’s alone, and of the link and the path that it came by', async () => {
  const session = await SseByHand.open(alice.fetch, url());
  await session.initialize();
  const ping = { jsonrpc: '2.0', id: 7, method: 'ping' };
  const notFound = [404, 'POSTERN_SESSION_NOT_FOUND'];
  assert.deepEqual(await session.post(ping, anybody.fetch), notFound);
  const { endpoint } = session;
  for (const other of [
    `${endpoint}x`,
    endpoint.replace(/=.*/, '='),
    endpoint.split('?')[0] ?? '',
  ]) {
    session.endpoint = other;
    assert.deepEqual(await session.post(ping), notFound, other);
  }
  session.endpoint = endpoint;
  assert.deepEqual(await session.post(ping), [202]);
  await session.hears(7);
  assert.equal(session.heard.filter(({ id }) => id === 7).length, 1);
  session.close();
  await nothingLeft();
  assert.deepEqual(await session.post(ping), notFound);
});

test('R-23 what is no message is refused at its POST, and the session goes on', async () => {
  const session = await SseByHand.open(anybody.fetch, url());
  await session.initialize();
  const refusals: readonly (readonly [string, number, string])[] = [
    ['{"jsonrpc":"2.0","id":1,"met', 400, 'POSTERN_FRAME_NOT_JSON'],
    ['{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', 400, 'POSTERN_FRAME_AMBIGUOUS'],
    ['[]', 400, 'POSTERN_FRAME_NOT_JSON_RPC'],
    [`"${'x'.repeat(70_000)}"`, 413, 'POSTERN_FRAME_TOO_LARGE'],
  ];
  for (const [body, status, code] of refusals) {
    assert.deepEqual(await session.post(body), [status, code], body.slice(0, 60));
  }
  // Refused on the stream, since they are messages.
  for (const [id, method] of [
    [20, 'initialize'],
    [21, 'no/such/method'],
  ] as const) {
    assert.deepEqual(await session.post({ jsonrpc: '2.0', id, method }), [202]);
    assert.ok('error' in (await session.hears(id)), method);
  }
  await session.call(22, 'wait');
  await session.call(22, 'echo', { text: 'twice' });
  assert.equal(codeOf(await session.hears(22)), 'POSTERN_REQUEST_ID_IN_USE');
  await session.post({ jsonrpc: '2.0', id: 'nobody asked', result: {} });
  await session.call(23, 'echo', { text: 'still here' });
  assert.match(JSON.stringify(await session.hears(23)), /still here/);
  // In the middle of the call that waits.
  session.close();
  await nothingLeft();
});

test('R-23 wrong methods, sites and listeners find no stream', async () => {
  const answerTo = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const response = await fetch(path, init);
    await response.body?.cancel();
    return response;
  };
  const statusOf = async (...asked: Parameters<typeof answerTo>): Promise<number> =>
    (await answerTo(...asked)).status;
  const plain = url('plain');
  for (const [path, method, allow] of [
    [plain, 'POST', 'GET'],
    [plain, 'DELETE', 'GET'],
    [plain.replace('/sse', '/messages'), 'GET', 'POST'],
    [plain.replace('/sse', '/messages'), 'PUT', 'POST'],
  ] as const) {
    const { status, headers } = await answerTo(path, { method });
    assert.deepEqual([status, headers.get('allow')], [405, allow], `${method} ${path}`);
  }
  assert.equal(await statusOf(plain, { headers: { accept: 'application/json' } }), 406);
  assert.equal(await statusOf(plain, { headers: { origin: 'https://evil.example' } }), 403);
  assert.equal(await statusOf(plain.replace('server/', 'other/')), 404);
  assert.equal(await statusOf(plain.replace('/servers/server', '/sets/none')), 404);
  assert.equal(await statusOf(url('modern')), 404);
});

test('R-23 streams are counted, and end when their clients do not begin', async () => {
  const streams = await Promise.all(
    Array.from({ length: 4 }, () => SseByHand.open(anybody.fetch, url())),
  );
  await assert.rejects(SseByHand.open(anybody.fetch, url()), /503 .*max_sessions_per_principal/);
  const other = await SseByHand.open(alice.fetch, url());
  await until('all have ended', () => [...streams, other].every(({ ended }) => ended));
  await nothingLeft();
});

test('R-23 a client that asks and never reads is cut off, and its server ended', async () => {
  const pid = pidOf(postern);
  const memory = NO_PROC === false ? memoryOf(pid) : 0;
  const session = await SseByHand.open(anybody.fetch, url(), false);
  await session.post({ jsonrpc: '2.0', id: 0, method: 'initialize', params: INIT });
  await session.post({ jsonrpc: '2.0', method: 'notifications/initialized' });
  let id = 0;
  let status: unknown = 202;
  await until('it is refused', async () => {
    [status] = await session.call((id += 1), 'big', { bytes: MIB });
    return status !== 202;
  });
  // Refused for want of room, or already cut off.
  assert.ok(status === 503 || status === 404, String(status));
  if (NO_PROC === false) assert.ok(memoryOf(pid) - memory < 256 * MIB);
  await nothingLeft();
  session.close();
});

test('R-23 hundreds of messages for sessions that are not there', async () => {
  const to = url('plain').replace('/sse', '/messages?session=');
  const statuses = new Set<number>();
  const worker = async (_: unknown, first: number): Promise<void> => {
    for (let index = first; index < 400; index += 20) {
      const response = await fetch(`${to}${index}`, {
        method: 'POST',
        headers: JSON_BODY,
        body: '{}',
      });
      statuses.add(response.status);
      await response.body?.cancel();
    }
  };
  await Promise.all(Array.from({ length: 20 }, worker));
  assert.deepEqual([...statuses], [404]);
  await nothingLeft();
});

test('R-11 R-23 streams end when policy no longer allows them', async () => {
  const session = await SseByHand.open(anybody.fetch, url());
  await session.initialize();
  await postern.applyPolicy({
    rules: [{ id: 'named', effect: 'allow', principals: ['alice'] }],
  });
  await until('it has ended', () => session.ended);
  await assert.rejects(SseByHand.open(anybody.fetch, url()), /403 .*POSTERN_SERVER_DENIED/);
  const denied = (await postern.record()).filter(({ mcp, outcome }) => {
    return mcp.kind === 'stream' && outcome.status === 'denied';
  });
  assert.equal(denied.length, 1);
  await postern.applyPolicy({ ...ALLOW_ALL, p2p_connectivity: { enforce_pqc: false } });
});

test('R-10 R-23 a stopping gateway lets a call end before its stream', async () => {
  const hold = newHold();
  const server = await startStatefulHttp({ hold });
  const other = await startTestPostern({ servers: { server: { http: { url: server.url } } } });
  const link = pqFetch(other);
  const session = await SseByHand.open(link.fetch, `${other.endpoint}/servers/server/sse`);
  await session.initialize();
  await session.call(5, 'resume');
  await until('it runs', () => session.heard.some(({ method }) => method === PROGRESS));
  const stopped = other.stop();
  await other.logged(({ event }) => event === 'gateway.stopping');
  hold.release();
  assert.match(JSON.stringify(await session.hears(5)), /resumed/);
  await until('the stream has ended', () => session.ended);
  assert.deepEqual(server.sessions(), []);
  await stopped;
  await Promise.all([link.close(), server.close()]);
});

const PROGRESS = 'notifications/progress';
const JSON_BODY = { 'content-type': 'application/json' };

const INIT = {
  protocolVersion: '2025-06-18',
  capabilities: {},
  clientInfo: { name: 'never-reads', version: '1' },
};

function codeOf(message: Record<string, unknown>): unknown {
  return (message['error'] as { data?: { code?: string } } | undefined)?.data?.code;
}
