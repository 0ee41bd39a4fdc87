import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { UpstreamCredentialUnavailable } from '../errors.ts';
import type { Upstream } from '../upstream.ts';
import {
  bench,
  callTool,
  exchange,
  fixture,
  hostile,
  initialize,
  isRunning,
  jsonOf,
  openSession,
  until,
} from './fixtures/harness.ts';

interface Family {
  readonly pid: number;
  readonly grandchild: number;
}

/** Has the server of a new session start a process that ignores SIGTERM. */
async function familyOf(upstream: Upstream): Promise<Family & { sessionId: string }> {
  const sessionId = await openSession(upstream);
  const reply = jsonOf(await exchange(upstream, callTool(1, 'fork'), { sessionId }));
  const { result } = reply as { result: { structuredContent: Family } };
  return { ...result.structuredContent, sessionId };
}

test('closing ends a server that ignores the end of its input and SIGTERM', async (t) => {
  const { upstream } = hostile(t, 'stubborn', { childStopGraceMs: 100 });
  const { pid, grandchild } = await familyOf(upstream);
  assert.ok(isRunning(pid) && isRunning(grandchild));
  const start = performance.now();
  await upstream.close();
  assert.ok(performance.now() - start < 2000);
  assert.ok(!isRunning(pid) && !isRunning(grandchild));
});

test('what a server leaves behind ends with it, however it ends', async (t) => {
  const { upstream } = hostile(t, 'plain', { childStopGraceMs: 100 });
  const ended = await familyOf(upstream);
  await exchange(upstream, null, { sessionId: ended.sessionId, httpMethod: 'DELETE' });
  const crashed = await familyOf(upstream);
  const { sessionId } = crashed;
  await assert.rejects(exchange(upstream, callTool(2, 'crash'), { sessionId }));
  await until('both families are gone', () => upstream.stats().children === 0);
  for (const pid of [ended.pid, ended.grandchild, crashed.pid, crashed.grandchild]) {
    assert.ok(!isRunning(pid));
  }
});

test('no process outlives a gateway that is killed', async () => {
  const gateway = spawn(process.execPath, [fixture('gateway.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: gateway.stdout });
  const [line] = (await once(lines, 'line')) as [string];
  const pids = JSON.parse(line) as number[];
  assert.equal(pids.length, 4);
  for (const pid of pids) assert.ok(isRunning(pid));
  gateway.kill('SIGKILL');
  await until('all are gone', () => !pids.some(isRunning));
});

test('200 sessions opened and dropped leave no process', async (t) => {
  const { upstream } = bench(t, {
    command: '/bin/sh',
    args: [fixture('tiny.sh')],
    limits: { maxSessionsPerPrincipal: 8, maxSessionsPerServer: 16 },
  });
  let opened = 0;
  while (opened < 200) {
    const principal = `client-${opened % 4}`;
    const client = { principal, connection: { onceClosed: (callback: () => void) => callback() } };
    const reply = await exchange(upstream, initialize(1), client);
    assert.ok(reply.sessionId);
    opened += 1;
    assert.ok(upstream.stats().sessions <= 16);
  }
  await upstream.close();
  assert.deepEqual(upstream.stats(), { sessions: 0, children: 0, connections: 0 });
});

test('a server gets the usual variables, those passed and those set, and no others', async (t) => {
  process.env['POSTERN_TEST_SECRET'] = 'secret';
  process.env['POSTERN_TEST_PASSED'] = 'passed';
  process.env['POSTERN_TEST_FUNCTION'] = '() { evil; }';
  const { upstream } = bench(t, {
    args: [fixture('hostile.ts')],
    env: { SET: 'set' },
    passEnv: ['POSTERN_TEST_PASSED', 'POSTERN_TEST_FUNCTION', 'POSTERN_TEST_UNSET'],
    cwd: '/',
  });
  const sessionId = await openSession(upstream);
  const reply = jsonOf(await exchange(upstream, callTool(1, 'env'), { sessionId })) as {
    result: { structuredContent: { env: Record<string, string>; cwd: string } };
  };
  const { env, cwd } = reply.result.structuredContent;
  const usual = new Set(['HOME', 'LOGNAME', 'PATH', 'SHELL', 'TERM', 'USER']);
  const others = Object.keys(env).filter((name) => !usual.has(name));
  assert.deepEqual(others.toSorted(), ['POSTERN_TEST_PASSED', 'SET']);
  assert.equal(cwd, '/');
});

test('R-21 a program is started with the credentials of the moment, and not without them', async (t) => {
  let values: Record<string, string> | null = null;
  const current = (): Record<string, string> => {
    if (values === null) throw new UpstreamCredentialUnavailable('none yet');
    return values;
  };
  const { upstream } = bench(t, { args: [fixture('hostile.ts')], credentials: { current } });
  for (let tries = 0; tries < 3; tries += 1) {
    await assert.rejects(exchange(upstream, initialize(1)), {
      code: 'POSTERN_UPSTREAM_CREDENTIAL_UNAVAILABLE',
    });
  }
  assert.equal(upstream.stats().children, 0);
  values = { TOKEN: 'second' };
  const sessionId = await openSession(upstream);
  const reply = await exchange(upstream, callTool(1, 'env'), { sessionId });
  assert.match(JSON.stringify(jsonOf(reply)), /"TOKEN":"second"/);
});
