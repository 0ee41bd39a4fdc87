import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
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
import { Guardian } from './guardian.ts';

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

test('closing ends a server that ignores the end of its input and SIGTERM', async () => {
  const { upstream } = hostile('stubborn', { childStopGraceMs: 100 });
  const { pid, grandchild } = await familyOf(upstream);
  assert.ok(isRunning(pid) && isRunning(grandchild));
  const start = performance.now();
  await upstream.close();
  assert.ok(performance.now() - start < 2000);
  assert.ok(!isRunning(pid) && !isRunning(grandchild));
});

test('what a server leaves behind ends with it, however it ends', async () => {
  const { upstream } = hostile('plain', { childStopGraceMs: 100 });
  const ended = await familyOf(upstream);
  await exchange(upstream, null, { sessionId: ended.sessionId, httpMethod: 'DELETE' });
  const crashed = await familyOf(upstream);
  const { sessionId } = crashed;
  await assert.rejects(exchange(upstream, callTool(2, 'crash'), { sessionId }));
  await until('both families are gone', () => upstream.stats().children === 0);
  for (const pid of [ended.pid, ended.grandchild, crashed.pid, crashed.grandchild]) {
    assert.ok(!isRunning(pid));
  }
  await upstream.close();
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

test('a gateway that just ends is not kept alive by its servers’ guardian', async () => {
  const script = `
    import { Guardian } from ${JSON.stringify(new URL('guardian.ts', import.meta.url).href)};
    new Guardian(() => {}).add(2 ** 30);
  `;
  const gateway = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
  const [code] = (await once(gateway, 'exit')) as [number];
  assert.equal(code, 0);
});

test('the guardian spares a group that was taken off its list', async () => {
  const guardian = new Guardian(() => assert.fail('no event was expected'));
  const children = [1, 2, 3].map(() => spawn('/bin/sleep', ['60'], { detached: true, stdio: 'ignore' }));
  const pids = children.map(({ pid }) => pid ?? assert.fail());
  for (const pid of pids) guardian.add(pid);
  const [, spared] = pids;
  assert.ok(spared !== undefined);
  guardian.remove(spared);
  await guardian.close();
  await until('the others are gone', () => pids.filter(isRunning).length === 1);
  assert.ok(isRunning(spared));
  process.kill(spared, 'SIGKILL');
});

test('200 sessions opened and dropped leave no process', async () => {
  const { upstream } = bench({
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

test('a server gets the usual variables, those passed and those set, and no others', async () => {
  process.env['POSTERN_TEST_SECRET'] = 'secret';
  process.env['POSTERN_TEST_PASSED'] = 'passed';
  process.env['POSTERN_TEST_FUNCTION'] = '() { evil; }';
  const { upstream } = bench({
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
  await upstream.close();
});
