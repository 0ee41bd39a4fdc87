/** How a gateway ends: in order, in haste, and by force. Nothing outlives it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { pqFetch } from '../support/clients.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { until } from '../support/until.ts';
import { descendantsOf, isRunning, NO_PROC, pidOf, untilStatus } from './support/processes.ts';
import { hostileServer } from './support/programs.ts';
import { RawConnection } from './support/raw-http.ts';
import { contentOf, McpSession, postMessage } from './support/session.ts';

interface Started {
  readonly postern: TestPostern;
  readonly http: ReturnType<typeof pqFetch>;
  readonly session: McpSession;
}

async function start(t: TestContext, drainMs: number, way = 'plain'): Promise<Started> {
  const postern = await startTestPostern({
    servers: { target: hostileServer(way) },
    limits: { drain_timeout_ms: drainMs, child_stop_grace_ms: 200 },
  });
  // Whatever the test did to it: what is left ends, and its directory goes.
  t.after(() => postern.stop().catch(() => undefined));
  const http = pqFetch(postern);
  t.after(() => http.close());
  return { postern, http, session: await McpSession.open(http.fetch, postern.url('target')) };
}

function inFlight(postern: TestPostern, count: number): Promise<void> {
  return untilStatus(postern, `${count} in flight`, (status) => status.calls_in_flight === count);
}

async function exitOf({ process: child }: TestPostern): Promise<number | string | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode ?? child.signalCode;
}

async function readiness({ admin }: TestPostern): Promise<number> {
  const { status } = await fetch(admin);
  return status;
}

test('R-05 SIGTERM lets a call finish, takes no new ones, and exits with 0', async (t) => {
  const { postern, session } = await start(t, 10_000);
  const idle = await RawConnection.open(postern);
  assert.equal(await readiness(postern), 200);
  const call = session.call('late', { count: 1500 });
  await inFlight(postern, 1);
  postern.process.kill('SIGTERM');
  await until('it is not ready', async () => (await readiness(postern)) === 503);
  const { port } = new URL(postern.endpoint);
  const late = connect({ host: '127.0.0.1', port: Number(port) });
  const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNREFUSED');
  await until('the idle connection is closed', () => idle.closed);
  assert.ok((await call).message?.result);
  assert.equal(await exitOf(postern), 0);
});

test('R-05 connections that are not idle get their answers, and are told to go', async (t) => {
  const { postern, session } = await start(t, 10_000);
  const body = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
  const head =
    'POST /servers/target/mcp HTTP/1.1\r\nHost: localhost\r\n' +
    `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  const begun = await RawConnection.open(postern);
  begun.write(head);
  const call = session.call('late', { count: 1000 });
  await inFlight(postern, 2);
  const arriving = await RawConnection.open(postern);
  arriving.write(head.slice(0, 20));
  postern.process.kill('SIGTERM');
  await until('it is not ready', async () => (await readiness(postern)) === 503);
  begun.write(body);
  const answered = await begun.response();
  assert.match(answered?.body ?? '', /POSTERN_SESSION_REQUIRED/);
  assert.equal(answered?.headers['connection'], 'close');
  arriving.write(head.slice(20) + body);
  const refused = await arriving.response();
  assert.equal(refused?.status, 503);
  assert.match(refused?.body ?? '', /POSTERN_STOPPING/);
  assert.equal(refused?.headers['connection'], 'close');
  const { headers, message } = await call;
  assert.ok(message?.result);
  assert.equal(headers.get('connection'), 'close');
  assert.equal(await exitOf(postern), 0);
});

test('R-05 a call that takes longer is cut, its client told, and recorded', async (t) => {
  const { postern, session } = await start(t, 300);
  const call = session.call('hang');
  const streaming = session.call('progress', { hang: true }, { progressToken: 1 });
  await inFlight(postern, 2);
  const startedAt = performance.now();
  postern.process.kill('SIGTERM');
  assert.equal(await exitOf(postern), 0);
  const tookMs = performance.now() - startedAt;
  assert.ok(tookMs >= 290 && tookMs < 6000, `${Math.round(tookMs)} ms`);
  const [cut, cutAmid] = await Promise.all([call, streaming]);
  assert.deepEqual([cut.status, cutAmid.status], [503, 200]);
  assert.ok(cutAmid.before.length > 0);
  for (const { message } of [cut, cutAmid]) {
    assert.equal(message?.error?.data?.code, 'POSTERN_STOPPING');
  }
  const outcomes = (await postern.record()).map(({ mcp, outcome }) => [mcp.tool, outcome]);
  const stopped = { status: 'failed', code: 'POSTERN_STOPPING' };
  assert.deepEqual(Object.fromEntries(outcomes.filter(([tool]) => tool !== undefined)), {
    hang: { ...stopped, http_status: 503 },
    progress: { ...stopped, http_status: 200 },
  });
});

test('R-05 open event streams of either era do not hold the end up', async (t) => {
  const { postern, http, session } = await start(t, 30_000, 'modern');
  const headers = { 'mcp-session-id': session.id, accept: 'text/event-stream' };
  const stream = await http.fetch(session.url, { headers });
  const subscribed = postMessage(http.fetch, session.url, SUBSCRIBE, SUBSCRIBE_HEADERS);
  const ended = Promise.allSettled([stream.text(), subscribed]);
  await inFlight(postern, 2);
  const startedAt = performance.now();
  postern.process.kill('SIGTERM');
  assert.equal(await exitOf(postern), 0);
  assert.ok(performance.now() - startedAt < 5000);
  await ended;
});

const SUBSCRIBE_HEADERS = {
  'mcp-protocol-version': '2026-07-28',
  'mcp-method': 'subscriptions/listen',
};
const SUBSCRIBE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'subscriptions/listen',
  params: {
    notifications: { toolsListChanged: true },
    _meta: {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
    },
  },
};

test('a second SIGTERM ends at once, and no child stays', { skip: NO_PROC }, async (t) => {
  const { postern, session } = await start(t, 60_000, 'stubborn');
  const family = await familyOf(session);
  const call = assert.rejects(session.call('hang'));
  await inFlight(postern, 1);
  postern.process.kill('SIGTERM');
  await postern.logged(({ event }) => event === 'gateway.stopping');
  const startedAt = performance.now();
  postern.process.kill('SIGTERM');
  assert.equal(await exitOf(postern), 1);
  assert.ok(performance.now() - startedAt < 5000);
  await call;
  await until('its children are gone', () => !family.some(isRunning));
});

test('R-10 SIGKILL leaves no child, not even those that resist', { skip: NO_PROC }, async (t) => {
  const { postern, session } = await start(t, 1000, 'stubborn');
  const family = await familyOf(session);
  const descendants = descendantsOf(pidOf(postern));
  assert.ok(family.every((pid) => descendants.includes(pid)));
  postern.process.kill('SIGKILL');
  assert.equal(await exitOf(postern), 'SIGKILL');
  await until('every descendant is gone', () => !descendants.some(isRunning));
});

/** A server and the process that it has started, both of which ignore SIGTERM. */
async function familyOf(session: McpSession): Promise<readonly number[]> {
  const { pid, grandchild } = contentOf(await session.call('fork')) as Record<string, number>;
  assert.ok(pid !== undefined && grandchild !== undefined);
  assert.ok(isRunning(pid) && isRunning(grandchild));
  return [pid, grandchild];
}
