import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Limits } from '#lib';
import type { Upstream, UpstreamRequest } from '../upstream.ts';
import type { Scope } from './fixtures/harness.ts';
import {
  bench,
  callTool,
  exchange,
  fixture,
  hostile,
  initialize,
  messagesOf,
  openSession,
  TestConnection,
  until,
} from './fixtures/harness.ts';

/** Fast sessions: no Node behind them. */
function tiny(scope: Scope, limits: Partial<Limits>): Upstream {
  return bench(scope, { command: '/bin/sh', args: [fixture('tiny.sh')], limits }).upstream;
}

async function open(upstream: Upstream, connection = new TestConnection(), principal = 'alice') {
  const reply = await exchange(upstream, initialize(1), { connection, principal });
  assert.ok(reply.sessionId);
  return { sessionId: reply.sessionId, connection, principal };
}

async function isAlive(upstream: Upstream, session: Partial<UpstreamRequest>) {
  const ping = { jsonrpc: '2.0', method: 'notifications/initialized' };
  try {
    await exchange(upstream, ping, session);
    return true;
  } catch (error) {
    assert.equal((error as { code: string }).code, 'POSTERN_SESSION_NOT_FOUND');
    return false;
  }
}

test('a session whose client never comes back ends', async (t) => {
  const upstream = tiny(t, { sessionSetupTimeoutMs: 200 });
  await open(upstream);
  await until('the session is over', () => upstream.stats().sessions === 0);
  await until('its process is gone', () => upstream.stats().children === 0);
});

test('a session is idle when its client has nothing open and nothing pending', async (t) => {
  const upstream = tiny(t, { sessionIdleTimeoutMs: 300 });
  const session = await open(upstream);
  assert.ok(await isAlive(upstream, session));
  const other = await open(upstream, new TestConnection(), 'bob');
  assert.ok(await isAlive(upstream, other));
  other.connection.close();
  await until('the other is over', () => upstream.stats().sessions === 1);
  assert.ok(await isAlive(upstream, session));
  session.connection.close();
  await until('the session is over', () => upstream.stats().sessions === 0);
});

test('a pending call keeps a session alive', async (t) => {
  const { upstream } = hostile(t, 'plain', { sessionIdleTimeoutMs: 200 });
  const connection = new TestConnection();
  const sessionId = await openSession(upstream, { connection });
  const late = exchange(upstream, callTool(1, 'late', { count: 700 }), { sessionId, connection });
  connection.close();
  assert.equal((await late).kind, 'json');
  await until('the session is over', () => upstream.stats().sessions === 0);
});

test('a session that lost its stream ends sooner', async (t) => {
  const upstream = tiny(t, { sessionStreamLostTimeoutMs: 200, sessionIdleTimeoutMs: 60_000 });
  const { sessionId, connection } = await open(upstream);
  const stream = messagesOf(await exchange(upstream, null, { sessionId, connection }));
  const waiting = stream.next();
  connection.close();
  await assert.rejects(until('it ends', () => upstream.stats().sessions === 0, 700));
  const client = new AbortController();
  const second = await exchange(upstream, null, {
    sessionId,
    signal: client.signal,
    connection,
  });
  assert.equal((await waiting).done, true);
  client.abort();
  assert.equal(second.kind, 'events');
  await until('the session is over', () => upstream.stats().sessions === 0);
});

test('a session ends at its greatest age', async (t) => {
  const upstream = tiny(t, { sessionMaxAgeMs: 300 });
  const session = await open(upstream);
  await until('the session is over', async () => !(await isAlive(upstream, session)));
});

test('at the limit the session that has been quiet the longest makes room', async (t) => {
  const upstream = tiny(t, { maxSessionsPerPrincipal: 3, maxSessionsPerServer: 10 });
  const sessions = [];
  for (let i = 0; i < 3; i += 1) sessions.push(await open(upstream));
  const [first, second, third] = sessions;
  assert.ok(first && second && third);
  for (const { connection } of sessions) connection.close();
  // Used again, so no longer the one to go.
  assert.ok(await isAlive(upstream, { ...first, connection: new TestConnection() }));
  await open(upstream);
  assert.equal(upstream.stats().sessions, 3);
  assert.equal(await isAlive(upstream, second), false);
  assert.equal(await isAlive(upstream, first), true);
});

test('sessions in use are not evicted: one too many is refused', async (t) => {
  const { upstream } = hostile(t, 'plain', { maxSessionsPerPrincipal: 1, maxSessionsPerServer: 2 });
  const sessionId = await openSession(upstream);
  const calls = [exchange(upstream, callTool(1, 'hang'), { sessionId })];
  await assert.rejects(exchange(upstream, initialize()), {
    code: 'POSTERN_UPSTREAM_OVERLOADED',
    details: { limit: 'max_sessions_per_principal', max: 1 },
  });
  const bobs = await openSession(upstream, { principal: 'bob' });
  calls.push(exchange(upstream, callTool(1, 'hang'), { sessionId: bobs, principal: 'bob' }));
  await assert.rejects(exchange(upstream, initialize(), { principal: 'carol' }), {
    code: 'POSTERN_UPSTREAM_OVERLOADED',
    details: { limit: 'max_sessions_per_server', max: 2 },
  });
  const settled = Promise.allSettled(calls);
  await upstream.close();
  for (const { status } of await settled) assert.equal(status, 'rejected');
});

test('R-23 a call that goes on without its client gives way to a new session', async (t) => {
  const { upstream } = hostile(t, 'plain', { maxSessionsPerPrincipal: 1 });
  const connection = new TestConnection();
  const sessionId = await openSession(upstream, { connection });
  const call = exchange(upstream, callTool(1, 'hang'), { sessionId, connection });
  const failed = assert.rejects(call, { code: 'POSTERN_UPSTREAM_UNAVAILABLE' });
  connection.close();
  await openSession(upstream);
  await failed;
});

test('one connection used for many sessions is asked for one call-back', async (t) => {
  const upstream = tiny(t, { maxSessionsPerPrincipal: 8 });
  let asked = 0;
  const connection = { onceClosed: () => void (asked += 1) };
  for (let i = 0; i < 8; i += 1) {
    await exchange(upstream, initialize(1), { connection });
  }
  assert.equal(asked, 1);
});
