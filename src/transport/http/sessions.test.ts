import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from '#lib';
import {
  ANSWER,
  bare,
  listen,
  post,
  statelessRevision,
  upstreamFor,
} from '../../../test/support/http-upstream.ts';
import { SessionTable } from './sessions.ts';

const NOT_FOUND = { code: 'POSTERN_SESSION_NOT_FOUND', httpStatus: 404 };
const INITIALIZE = { id: 0, method: 'initialize', params: { protocolVersion: '2025-11-25' } };

test('a session belongs to the principal that opened it', () => {
  const table = new SessionTable(DEFAULT_LIMITS);
  table.bind('s1', 'alice');
  assert.equal(table.isOwnedBy('s1', 'alice'), true);
  assert.equal(table.isOwnedBy('s1', 'bob'), false);
  assert.equal(table.isOwnedBy('s2', 'alice'), false);
  assert.throws(() => table.bind('s1', 'bob'), { code: 'POSTERN_UPSTREAM_PROTOCOL' });
  for (const malformed of ['', 'a b', 'a\n', 'é', 'x'.repeat(5000)]) {
    assert.throws(() => table.bind(malformed, 'alice'), { code: 'POSTERN_UPSTREAM_PROTOCOL' });
  }
  table.forget('s1');
  assert.equal(table.isOwnedBy('s1', 'alice'), false);
});

test('past a bound the least recently used session goes, of the same principal first', () => {
  const limits = { maxUpstreamSessions: 4, maxSessionsPerPrincipal: 2, sessionMaxAgeMs: 60_000 };
  const table = new SessionTable(limits);
  table.bind('bob-1', 'bob');
  for (const id of ['a-1', 'a-2']) table.bind(id, 'alice');
  assert.equal(table.isOwnedBy('a-1', 'alice'), true);
  table.bind('a-3', 'alice');
  assert.equal(table.isOwnedBy('a-2', 'alice'), false);
  assert.equal(table.isOwnedBy('a-1', 'alice'), true);
  assert.equal(table.isOwnedBy('bob-1', 'bob'), true);
  for (const principal of ['carol', 'dave']) table.bind(principal, principal);
  assert.equal(table.size, 4);
  assert.equal(table.isOwnedBy('a-3', 'alice'), false);
});

test('a session ends at its greatest age', () => {
  const table = new SessionTable({ ...DEFAULT_LIMITS, sessionMaxAgeMs: 0 });
  table.bind('s1', 'alice');
  assert.equal(table.isOwnedBy('s1', 'alice'), false);
  assert.equal(table.size, 0);
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

  await refuse(post(undefined, mine));
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
