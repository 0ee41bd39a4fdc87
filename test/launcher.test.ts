import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

/** A main that tells what reaches it. Stays until a signal when its first argument is `stay`. */
const MAIN = `
export async function main(argv) {
  const say = (line) => process.stdout.write(line + '\\n');
  say('pid ' + process.pid);
  say('argv ' + JSON.stringify(argv));
  if (argv[0] === 'stay') {
    const timer = setInterval(() => {}, 60_000);
    return await new Promise((resolve) => {
      for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM']) process.on(signal, () => {
        say('got ' + signal);
        if (signal === 'SIGTERM') { clearInterval(timer); resolve(5); }
      });
      say('ready');
    });
  }
  if (argv[0] === 'warn') {
    process.emitWarning('noise', 'ExperimentalWarning');
    process.emitWarning('signal', 'DeprecationWarning');
  }
  if (argv[0] === 'backtrack') /^(a+)+$/.test('a'.repeat(60) + 'b');
  if (argv[0] === 'die') process.kill(process.pid, 'SIGKILL');
  return 3;
}
`;

/** Makes this Node.js claim the versions of an old one. */
const PRETEND_OLD = `data:text/javascript,${encodeURIComponent(
  `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.0.0', openssl: '3.0.13+quic' } });`,
)}`;

/** None, this very Node.js, or a script in its place. */
type NodePackage = null | 'this' | { readonly script: string };

interface Run {
  readonly child: ChildProcess;
  readonly lines: string[];
  /** Resolves when the line was printed. */
  seen(line: string): Promise<void>;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; stderr: string }>;
}

describe('launcher', { timeout: 60_000 }, () => {
  let root: string;
  const running = new Set<Run>();

  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'postern-launcher-'));
  });
  after(async () => {
    for (const run of running) killRun(run);
    await rm(root, { recursive: true, force: true });
  });

  /** A built package with the stub as its CLI. `node` is the binary of its `node` package. */
  async function install(name: string, node: NodePackage): Promise<string> {
    const base = join(root, name);
    await mkdir(join(base, 'bin'), { recursive: true });
    await mkdir(join(base, 'cli'));
    await copyFile(join(import.meta.dirname, '../bin/postern.js'), join(base, 'bin', 'postern.js'));
    await writeFile(join(base, 'cli', 'main.js'), MAIN);
    await writeFile(join(base, 'package.json'), '{"type":"module"}');
    if (node === null) return base;
    const bin = join(base, 'node_modules', 'node', 'bin');
    await mkdir(bin, { recursive: true });
    await writeFile(join(bin, '..', 'package.json'), '{"name":"node"}');
    if (node === 'this') {
      await symlink(process.execPath, join(bin, 'node'));
    } else {
      await writeFile(join(bin, 'node'), node.script, { mode: 0o755 });
    }
    return base;
  }

  function start(base: string, args: readonly string[], how: { old: boolean }): Run {
    const node = how.old ? ['--import', PRETEND_OLD] : [];
    const child = spawn(process.execPath, [...node, join(base, 'bin', 'postern.js'), ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    assert.ok(child.stdout && child.stderr);
    const lines: string[] = [];
    const waiting = new Map<string, () => void>();
    const output = createInterface(child.stdout).on('line', (line) => {
      lines.push(line);
      waiting.get(line)?.();
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const ended = Promise.all([once(child, 'exit'), once(output, 'close')]).then(() => {
      running.delete(run);
      return { code: child.exitCode, signal: child.signalCode, stderr };
    });
    const seen = async (line: string): Promise<void> => {
      if (!lines.includes(line)) await new Promise<void>((resolve) => waiting.set(line, resolve));
    };
    const run: Run = { child, lines, seen, ended };
    running.add(run);
    return run;
  }

  test('runs the CLI in place on a capable Node.js', async () => {
    const run = start(await install('capable', null), ['a', '--b'], { old: false });
    const { code } = await run.ended;
    assert.equal(code, 3);
    assert.deepEqual(run.lines, [`pid ${run.child.pid}`, 'argv ["a","--b"]']);
  });

  test('hides experimental warnings and no other', async () => {
    const { stderr } = await start(await install('warn', null), ['warn'], { old: false }).ended;
    assert.match(stderr, /DeprecationWarning: signal/);
    assert.doesNotMatch(stderr, /noise/);
  });

  test('a pattern that backtracks without end does not hold the process', async () => {
    const run = start(await install('regexp', null), ['backtrack'], { old: false });
    const end = await Promise.race([run.ended, delay(20_000, null, { ref: false })]);
    if (end === null) run.child.kill('SIGKILL');
    assert.equal(end?.code, 3);
  });

  test('re-executes on the packaged Node.js and mirrors its exit code', async () => {
    const run = start(await install('packaged', 'this'), ['a', '--b'], { old: true });
    const { code, stderr } = await run.ended;
    assert.equal(code, 3);
    assert.equal(run.lines[1], 'argv ["a","--b"]');
    assert.notEqual(run.lines[0], `pid ${run.child.pid}`);
    assert.equal(stderr, '');
  });

  test('dies of the signal that the packaged Node.js died of', async () => {
    const run = start(await install('dies', 'this'), ['die'], { old: true });
    assert.equal((await run.ended).signal, 'SIGKILL');
  });

  for (const [name, node] of [
    ['no package', null],
    ['a package that does not run', '#!/nonexistent/interpreter\n'],
    ['a package that is too old', `#!/bin/sh\necho '{"node":"22.1.0","openssl":"3.0.13"}'\n`],
    ['a package that says nothing sensible', '#!/bin/sh\necho hello\n'],
  ] as const) {
    test(`says what to do when there is ${name}`, async () => {
      const base = await install(`refused ${name}`, node === null ? null : { script: node });
      const { code, stderr } = await start(base, ['a'], { old: true }).ended;
      assert.equal(code, 78);
      assert.match(stderr, /POSTERN_RUNTIME_TOO_OLD: Node\.js 20\.0\.0 with OpenSSL 3\.0\.13/);
      assert.match(stderr, /npm install node@26/);
    });
  }

  test('forwards each signal once, also when Ctrl-C signals the whole process group', async () => {
    const run = start(await install('signals', 'this'), ['stay'], { old: true });
    await run.seen('ready');
    assert.ok(run.child.pid);
    process.kill(-run.child.pid, 'SIGINT');
    await run.seen('got SIGINT');
    run.child.kill('SIGHUP');
    await run.seen('got SIGHUP');
    run.child.kill('SIGTERM');
    assert.equal((await run.ended).code, 5);
    assert.deepEqual(run.lines.slice(3), ['got SIGINT', 'got SIGHUP', 'got SIGTERM']);
  });

  test('a launcher that is killed outright takes the CLI with it, in order', async () => {
    const run = start(await install('orphan', 'this'), ['stay'], { old: true });
    await run.seen('ready');
    run.child.kill('SIGKILL');
    // `ended` waits for the end of the output, which the re-executed process holds open.
    assert.equal((await run.ended).signal, 'SIGKILL');
    assert.deepEqual(run.lines.slice(3), ['got SIGTERM']);
  });
});

/** Kills what a failed test left: the launcher and the process that it started, if it said so. */
function killRun(run: Run): void {
  run.child.kill('SIGKILL');
  const pid = run.lines.find((line) => line.startsWith('pid '))?.slice(4);
  if (pid !== undefined) process.kill(Number(pid), 'SIGKILL');
}
