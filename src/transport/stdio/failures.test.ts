import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Limits } from '#lib';
import type { Upstream, UpstreamReply } from '../upstream.ts';
import {
  all,
  bench,
  callTool,
  exchange,
  hostile,
  initialize,
  jsonOf,
  messagesOf,
  openSession,
  until,
} from './fixtures/harness.ts';
import type { Bench, Scope } from './fixtures/harness.ts';

interface Given extends Bench {
  readonly sessionId: string;
  readonly call: (tool: string, args?: object, meta?: object) => Promise<UpstreamReply>;
}

let nextId = 100;

/** A session on the hostile server. */
async function sessionOf(t: Scope, limits: Partial<Limits> = {}): Promise<Given> {
  const made = hostile(t, 'plain', limits);
  const sessionId = await openSession(made.upstream);
  const call = (tool: string, args?: object, meta?: object): Promise<UpstreamReply> =>
    exchange(made.upstream, callTool((nextId += 1), tool, args, meta), { sessionId });
  return { ...made, sessionId, call };
}

async function failureOf(promise: Promise<unknown>): Promise<{ details: Record<string, number> }> {
  try {
    await promise;
  } catch (error) {
    return error as { details: Record<string, number> };
  }
  return assert.fail('it went well');
}

async function isOver(upstream: Upstream, sessionId: string): Promise<void> {
  await assert.rejects(exchange(upstream, callTool(1, 'echo'), { sessionId }), {
    code: 'POSTERN_SESSION_NOT_FOUND',
  });
}

test('a server that dies during calls fails each at once and ends the session', async (t) => {
  const { upstream, sessionId, call } = await sessionOf(t);
  const get = all(messagesOf(await exchange(upstream, null, { sessionId })));
  const streaming = await call('progress', { hang: true }, { progressToken: 1 });
  const results = await Promise.allSettled([call('hang'), call('crash')]);
  for (const result of results) {
    assert.equal(result.status, 'rejected');
    const { code, message } = result.reason as { code: string; message: string };
    assert.equal(code, 'POSTERN_UPSTREAM_UNAVAILABLE');
    assert.match(message, /exited with code 3/);
  }
  await assert.rejects(all(messagesOf(streaming)), { code: 'POSTERN_UPSTREAM_UNAVAILABLE' });
  assert.deepEqual(await get, []);
  await isOver(upstream, sessionId);
});

test('a server killed by a signal is named so', async (t) => {
  const { call, events } = await sessionOf(t);
  const { result } = jsonOf(await call('env')) as {
    result: { structuredContent: { pid: number } };
  };
  const { pid } = result.structuredContent;
  const hanging = call('hang');
  process.kill(pid, 'SIGKILL');
  await assert.rejects(hanging, /was ended by SIGKILL/);
  const ended = events.find(({ name }) => name === 'upstream.ended');
  assert.equal(ended?.fields?.['pid'], pid);
});

test('a server that closes its output without exiting is ended', async (t) => {
  const { call } = await sessionOf(t);
  await assert.rejects(call('close-output'), /closed its output/);
});

test('a few lines that are no messages are skipped and reported without their text', async (t) => {
  const { call, events } = await sessionOf(t);
  assert.equal((await call('garbage', { count: 20 })).kind, 'json');
  const reported = events.filter(({ name }) => name === 'upstream.bad_line');
  assert.equal(reported.length, 5);
  assert.ok(!JSON.stringify(reported).includes('garbage'));
});

test('a banner before the first message is skipped', async (t) => {
  const { upstream } = hostile(t, 'banner');
  assert.ok(await openSession(upstream));
});

test('a server that writes nothing but noise is ended', async (t) => {
  const { upstream, sessionId, call } = await sessionOf(t);
  await assert.rejects(call('garbage', { count: 150 }), { code: 'POSTERN_UPSTREAM_PROTOCOL' });
  await isOver(upstream, sessionId);
});

test('R-17 an answer that can be read in two ways fails its call and no other', async (t) => {
  const { call } = await sessionOf(t);
  const other = call('late', { count: 50 });
  await assert.rejects(call('ambiguous'), {
    code: 'POSTERN_UPSTREAM_PROTOCOL',
    message: /twice/,
  });
  assert.equal((await other).kind, 'json');
});

test('a carriage return between tokens does not reach the stream’s reader', async (t) => {
  const { call } = await sessionOf(t);
  const reply = await call('carriage');
  assert.ok(reply.kind === 'json' && !reply.frame.bytes.includes('\r'));
});

test('an answer of 9 MiB passes, one over the limit ends the server', async (t) => {
  const { call } = await sessionOf(t, { maxMessageBytes: 10 << 20 });
  const reply = await call('huge', { count: 9 << 20 });
  assert.ok(reply.kind === 'json' && reply.frame.bytes.length > 9 << 20);
  await assert.rejects(call('huge', { count: 11 << 20 }), {
    code: 'POSTERN_UPSTREAM_MESSAGE_TOO_LARGE',
  });
});

test('a silent call times out and the server is told', async (t) => {
  const { call } = await sessionOf(t, { upstreamIdleTimeoutMs: 1000 });
  await assert.rejects(call('hang'), {
    code: 'POSTERN_UPSTREAM_TIMEOUT',
    message: /nothing for 1000/,
  });
  const reply = jsonOf(await call('heard')) as {
    result: { structuredContent: { heard: string[] } };
  };
  const cancelled = `"params":{"requestId":${nextId - 1},`;
  assert.ok(reply.result.structuredContent.heard.some((line) => line.includes(cancelled)));
});

test('a call ends at its greatest duration whatever progress it makes', async (t) => {
  const { call } = await sessionOf(t, { callMaxMs: 400, sseBufferBytes: 1 << 20 });
  const reply = await call('flood', {}, { progressToken: 1 });
  await assert.rejects(all(messagesOf(reply)), { code: 'POSTERN_UPSTREAM_TIMEOUT' });
});

test('silence is no fault while the client owes the server an answer', async (t) => {
  const { upstream, sessionId, call } = await sessionOf(t, { upstreamIdleTimeoutMs: 1000 });
  const messages = messagesOf(await call('ask'));
  const question = (await messages.next()).value as { id: string };
  const asked = performance.now();
  await until('it is well past the limit', () => performance.now() - asked > 1800);
  const response = { jsonrpc: '2.0', id: question.id, result: {} };
  await exchange(upstream, response, { sessionId });
  assert.equal((await all(messages)).length, 1);
});

test('a server that never answers initialize is given up', async (t) => {
  const { upstream } = hostile(t, 'silent', { upstreamIdleTimeoutMs: 200 });
  await assert.rejects(exchange(upstream, initialize()), { code: 'POSTERN_UPSTREAM_TIMEOUT' });
  assert.equal(upstream.stats().sessions, 0);
});

test('a slow reader holds the server, not the memory, and is cut off in the end', async (t) => {
  const limits = { sseBufferBytes: 256 * 1024, slowReaderTimeoutMs: 500 };
  const { call, upstream, sessionId } = await sessionOf(t, limits);
  const before = process.memoryUsage().rss;
  const stuck = await call('flood', {}, { progressToken: 1 });
  assert.equal(stuck.kind, 'events');
  if (stuck.kind !== 'events') return;
  const reader = stuck.events[Symbol.asyncIterator]();
  await reader.next();
  // Each waits behind the flood, one of them until the stuck reader is cut off.
  const start = performance.now();
  for (let id = 0; performance.now() - start < 1500; id += 1) {
    const reply = await exchange(upstream, callTool(`next-${id}`, 'echo'), { sessionId });
    assert.equal(reply.kind, 'json');
  }
  await assert.rejects(reader.next(), { code: 'POSTERN_READER_TOO_SLOW' });
  assert.ok(process.memoryUsage().rss - before < 64 << 20);
});

test('stderr is logged in cut, clean lines, and a flood of it counted', async (t) => {
  const limits = { maxStderrLineBytes: 128, maxStderrLinesPerSecond: 10 };
  const { call, events } = await sessionOf(t, limits);
  await call('stderr', { count: 500 });
  const named = (name: string) => events.filter((event) => event.name === name);
  await until('the flood is reported', () => {
    const dropped = named('upstream.stderr_dropped').map(({ fields }) => Number(fields?.['lines']));
    return named('upstream.stderr').length + dropped.reduce((sum, lines) => sum + lines, 0) >= 500;
  });
  for (const { message } of named('upstream.stderr')) {
    assert.ok(message.length <= 129);
    assert.doesNotMatch(message, /\p{Cc}/u);
  }
  assert.ok(named('upstream.stderr').length <= 40);
});

test('a program that cannot be started says why, and is left alone for a while', async (t) => {
  const { upstream } = bench(t, {
    command: 'no-such-program-here',
    limits: { childBackoffMinMs: 5000 },
  });
  await assert.rejects(exchange(upstream, initialize()), {
    code: 'POSTERN_UPSTREAM_UNAVAILABLE',
    message: /"no-such-program-here" was not found/,
  });
  const { details } = await failureOf(exchange(upstream, initialize()));
  assert.ok((details['retry_after_seconds'] ?? 0) > 1);
  // Another principal is not made to wait.
  await assert.rejects(exchange(upstream, initialize(), { principal: 'bob' }), /was not found/);
  assert.deepEqual(await upstream.health(), {
    reachable: false,
    detail: '"no-such-program-here" is not on the PATH',
    link: null,
  });
});

test('the pause after early deaths doubles, and a good start ends it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'postern-'));
  const key = join(folder, 'key');
  const { upstream } = hostile(t, 'die-without', { childBackoffMinMs: 40 }, key);
  try {
    const failures: number[] = [];
    let deaths = 0;
    await until('three deaths', async () => {
      const { details } = await failureOf(exchange(upstream, initialize()));
      if (details['failures'] === undefined) deaths += 1;
      else if (!failures.includes(details['failures'])) failures.push(details['failures']);
      return deaths === 3;
    });
    assert.match((await upstream.health()).detail, /exited with code 7/);
    writeFileSync(key, '');
    await until('a start went well', async () => {
      if (upstream.stats().sessions === 0) await exchange(upstream, initialize()).catch(() => null);
      return (await upstream.health()).reachable;
    });
    assert.equal(upstream.stats().sessions, 1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a missing directory is named as what is missing', async (t) => {
  const { upstream } = bench(t, { cwd: '/no/such/folder' });
  await assert.rejects(
    exchange(upstream, initialize()),
    /directory \/no\/such\/folder does not exist/,
  );
  assert.match((await upstream.health()).detail, /does not exist/);
});

test('after close nothing is started any more', async (t) => {
  const { upstream } = hostile(t, 'plain');
  await upstream.close();
  await assert.rejects(exchange(upstream, initialize()), { code: 'POSTERN_UPSTREAM_UNAVAILABLE' });
});
