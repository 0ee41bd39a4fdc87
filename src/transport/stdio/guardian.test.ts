import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { PosternEvent } from '#lib';
import { isRunning, until } from './fixtures/harness.ts';
import { Guardian } from './guardian.ts';

/** Processes that lead a group of their own and end by themselves in a minute. */
function leaders(count: number): number[] {
  return Array.from({ length: count }, () => {
    const child = spawn('/bin/sleep', ['60'], { detached: true, stdio: 'ignore' });
    child.unref();
    return child.pid ?? assert.fail('sleep could not be started');
  });
}

/** The guardian's shell, a child of this process. */
function shellPid(): number | undefined {
  for (const name of readdirSync('/proc')) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const [, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const command = readFileSync(`/proc/${name}/cmdline`, 'utf8');
      if (parent === String(process.pid) && command.includes('postern-guardian'))
        return Number(name);
    } catch {
      // Not a process, or one that has just ended.
    }
  }
  return undefined;
}

test('the guardian spares a group that was taken off its list', async () => {
  const guardian = new Guardian(() => assert.fail('no event was expected'));
  const pids = leaders(3);
  for (const pid of pids) guardian.add(pid);
  const [, spared] = pids;
  assert.ok(spared !== undefined);
  guardian.remove(spared);
  await guardian.close();
  await until('the others are gone', () => pids.filter(isRunning).length === 1);
  assert.ok(isRunning(spared));
  process.kill(spared, 'SIGKILL');
});

test('a gateway that just ends is not kept alive by its servers’ guardian', async () => {
  const script = `
    import { Guardian } from ${JSON.stringify(new URL('guardian.ts', import.meta.url).href)};
    new Guardian(() => {}).add(2 ** 30);
  `;
  const gateway = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: 'inherit',
  });
  const [code] = (await once(gateway, 'exit')) as [number];
  assert.equal(code, 0);
});

test('a guardian that is killed is replaced, and knows what it guarded', async () => {
  const guardian = new Guardian(() => assert.fail('no event was expected'));
  const [pid] = leaders(1);
  assert.ok(pid !== undefined);
  guardian.add(pid);
  const first = shellPid();
  assert.ok(first !== undefined);
  const start = performance.now();
  await until('it is no longer young', () => performance.now() - start > 1000);
  process.kill(first, 'SIGKILL');
  await until('there is another', () => ![undefined, first].includes(shellPid()));
  await guardian.close();
  await until('the guarded process is gone', () => !isRunning(pid));
});

test('a guardian that cannot stay is told once', async () => {
  const events: PosternEvent[] = [];
  const guardian = new Guardian((event) => events.push(event));
  const [pid] = leaders(1);
  assert.ok(pid !== undefined);
  guardian.add(pid);
  process.kill(shellPid() ?? assert.fail('no guardian'), 'SIGKILL');
  await until('a warning', () => events.length > 0);
  guardian.add(2 ** 30);
  guardian.remove(pid);
  await guardian.close();
  assert.deepEqual(
    events.map(({ severity, name }) => [severity, name]),
    [['warn', 'upstream.guardian_missing']],
  );
  process.kill(pid, 'SIGKILL');
});
