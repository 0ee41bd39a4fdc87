import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import type { Limits } from '#lib';
import { DEFAULT_LIMITS } from '#lib';
import {
  ANSWER,
  bare,
  listen,
  post,
  statelessRevision,
  until,
  upstreamFor,
} from '../../../test/support/http-upstream.ts';
import { SessionTable } from './sessions.ts';

const NOT_FOUND = { code: 'POSTERN_SESSION_NOT_FOUND', httpStatus: 404 };
const INITIALIZE = { id: 0, method: 'initialize', params: { protocolVersion: '2025-11-25' } };

const REVISION = { name: '2025-11-25', era: 'stateful' } as const;

function tableFor(limits: Partial<Limits> = {}) {
  const dropped: string[] = [];
  const table = new SessionTable({ ...DEFAULT_LIMITS, ...limits }, ({ id }) => dropped.push(id));
  return {
    table,
    dropped,
    bind: (id: string, principal: string) => table.bind(id, principal, REVISION),
    mayUse: (id: string, principal: string) => table.mayUse(id, principal, REVISION),
  };
}

test('R-18 a session belongs to the principal that opened it, or came with it first', () => {
  const { table, bind, mayUse } = tableFor();
  bind('s1', 'alice');
  assert.equal(mayUse('s1', 'alice'), true);
  assert.equal(mayUse('s1', 'bob'), false);
  assert.throws(() => bind('s1', 'bob'), { code: 'POSTERN_UPSTREAM_PROTOCOL' });
  assert.equal(mayUse('s2', 'bob'), true);
  assert.equal(mayUse('s2', 'alice'), false);
  for (const malformed of ['', 'a b', 'a\n', 'é', 'x'.repeat(5000)]) {
    assert.throws(() => bind(malformed, 'alice'), { code: 'POSTERN_UPSTREAM_PROTOCOL' });
  }
  table.forget('s1');
  assert.equal(mayUse('s1', 'alice'), true);
  table.end('s1');
  assert.equal(mayUse('s1', 'alice'), false);
});

test('R-23 past a bound an unused session goes, of the same principal first', () => {
  const limits = { maxUpstreamSessions: 4, maxSessionsPerPrincipal: 2 };
  const { table, dropped, bind, mayUse } = tableFor(limits);
  bind('bob-1', 'bob');
  for (const id of ['a-1', 'a-2']) bind(id, 'alice');
  assert.equal(mayUse('a-1', 'alice'), true);
  bind('a-3', 'alice');
  assert.deepEqual(dropped, ['a-2']);
  const leave = table.enter('a-1');
  bind('a-4', 'alice');
  assert.deepEqual(dropped, ['a-2', 'a-3']);
  for (const id of ['a-1', 'a-4']) assert.equal(mayUse(id, 'alice'), true);
  const leaveOther = table.enter('a-4');
  bind('a-5', 'alice');
  assert.deepEqual(dropped, ['a-2', 'a-3', 'a-1']);
  leave();
  leaveOther();
  for (const principal of ['carol', 'dave']) bind(principal, principal);
  assert.equal(table.size, 4);
  assert.equal(dropped.at(-1), 'bob-1');
});

test('R-23 a session ends at its greatest age, and unused sooner; not while it is in use', () => {
  const { table, bind, mayUse } = tableFor({ sessionMaxAgeMs: 0 });
  bind('s1', 'alice');
  assert.equal(mayUse('s1', 'alice'), false);
  assert.deepEqual(
    table.expired().map(({ id }) => id),
    ['s1'],
  );
  const idle = tableFor({ upstreamSessionIdleMs: 0 });
  idle.bind('s1', 'alice');
  const leave = idle.table.enter('s1');
  assert.deepEqual(idle.table.expired(), []);
  leave();
  assert.equal(idle.table.expired().length, 1);
});

test('R-23 an unused session is ended at its server, or left to other gateways', async (t) => {
  const ended: unknown[] = [];
  const server = createServer((request, response) => {
    const id = request.headers['mcp-session-id'];
    if (request.method === 'DELETE') ended.push([id, request.headers['mcp-protocol-version']]);
    const opened = request.method === 'POST' && id === undefined;
    if (opened) response.setHeader('mcp-session-id', 's1');
    response.writeHead(200, { 'content-type': 'application/json' }).end(ANSWER);
  });
  const url = `http://127.0.0.1:${await listen(t, server)}/`;
  const limits = { ...DEFAULT_LIMITS, upstreamSessionIdleMs: 50 };
  const own = upstreamFor(t, url, { limits }).upstream;
  const shared = upstreamFor(t, url, { limits, sharedSessions: true }).upstream;
  for (const upstream of [own, shared]) {
    await upstream.exchange(post(INITIALIZE));
    await upstream.exchange(post(undefined, { sessionId: 's1', revision: REVISION }));
    await until(() => upstream.stats().sessions === 0);
  }
  await until(() => ended.length > 0);
  assert.deepEqual(ended, [['s1', '2025-11-25']]);
  await assert.rejects(own.exchange(post(undefined, { sessionId: 's1' })), NOT_FOUND);
  await shared.exchange(post(undefined, { sessionId: 's1' }));
});

test('R-18 session ids serve nobody but their principal', { timeout: 20_000 }, async (t) => {
  const seen: (string | undefined)[] = [];
  let status = 200;
  const server = createServer((request, response) => {
    seen.push(request.headers['mcp-session-id'] as string | undefined);
    response.setHeader('mcp-session-id', 's1');
    response.writeHead(status, { 'content-type': 'application/json' }).end(ANSWER);
  });
  const { upstream } = upstreamFor(t, `http://127.0.0.1:${await listen(t, server)}/`);
  const mine = { sessionId: 's1', principal: 'alice' };
  const refuse = async (request: Parameters<typeof upstream.exchange>[0]): Promise<void> => {
    const before = seen.length;
    await assert.rejects(upstream.exchange(request), NOT_FOUND);
    assert.equal(seen.length, before);
  };

  const opened = await upstream.exchange(post(INITIALIZE));
  assert.equal(opened.sessionId, 's1');
  assert.equal(upstream.stats().sessions, 1);
  assert.equal((await upstream.exchange(post(undefined, mine))).sessionId, null);
  for (const request of [post(), bare('GET'), bare('DELETE')]) {
    await refuse({ ...request, sessionId: 's1', principal: 'bob' });
  }
  await assert.rejects(upstream.exchange(post(INITIALIZE, { principal: 'bob' })), {
    code: 'POSTERN_UPSTREAM_PROTOCOL',
  });

  const stateless = { ...mine, principal: 'bob', revision: statelessRevision() };
  await upstream.exchange(post(undefined, stateless));
  assert.equal(seen.at(-1), undefined);

  await upstream.exchange(bare('DELETE', mine));
  assert.equal(seen.at(-1), 's1');
  await refuse(post(undefined, mine));

  await upstream.exchange(post(INITIALIZE));
  status = 404;
  await assert.rejects(upstream.exchange(post(undefined, mine)), NOT_FOUND);
  await refuse(post(undefined, mine));
  assert.equal(upstream.stats().sessions, 0);
});
