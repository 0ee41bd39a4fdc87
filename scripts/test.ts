/**
 * Runs the tests: `npm test -- [runner options] [parts of file paths]`.
 *
 * Node's own runner does the work. Around it: a deadline for each file and for the whole run, and a
 * run that leaves processes behind fails.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, matchesGlob } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { processesOf } from './testing/leftovers.ts';
import type { LeftProcess } from './testing/leftovers.ts';

const ROOT = join(import.meta.dirname, '..');
const PATTERNS = ['src/**/*.test.ts', 'test/**/*.test.ts'];
/** Suites with a command of their own: they need other programs, or minutes. */
const EXCLUDED = ['test/interop/**', 'test/matrix/**', 'test/scale/**', 'test/soak/**'];
/**
 * Rooms whose files run in one process each, the longest first: to start a process and load the room
 * takes longer than most of their tests.
 */
const TOGETHER: Readonly<Record<string, string>> = {
  http: 'src/transport/{http,oauth,fetch}/**',
  transport: 'src/transport/**',
  bridge: 'src/bridge/**',
  gateway: 'src/gateway/**',
  oauth: 'src/oauth/**',
  tls: 'src/tls/**',
  protocol: 'src/{mcp,policy}/**',
  middle: 'src/{federation,pipeline}/**',
  ground: 'src/{lib,crypto,config,telemetry,audit}/**',
};
/** One more than the cores of a small machine: many tests wait for processes, sockets and time limits. */
const CONCURRENCY = 3;
const TEST_TIMEOUT_MS = 60_000;
const RUN_TIMEOUT_MS = 20 * 60_000;
/** What a killed process may take to vanish. */
const EXIT_GRACE_MS = 2000;

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const options = args.filter((arg) => arg.startsWith('-'));
  const filters = args.filter((arg) => !arg.startsWith('-'));
  const files = globSync(PATTERNS, { cwd: ROOT, exclude: EXCLUDED })
    .filter((file) => filters.length === 0 || filters.some((part) => file.includes(part)))
    .toSorted();
  if (files.length === 0) {
    console.error(`no test file matches ${filters.join(' ') || PATTERNS.join(' ')}`);
    return 1;
  }
  // Whoever asks for some files wants to see them, each by itself.
  if (filters.length > 0) return await runFiles(files, options);
  const directory = await mkdtemp(join(tmpdir(), 'postern-tests-'));
  try {
    return await runFiles(await bundle(files, directory), options);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The files to run: one for each group of {@link TOGETHER}, which loads its files, then the others. */
async function bundle(files: readonly string[], directory: string): Promise<readonly string[]> {
  let left = files;
  const bundles: string[] = [];
  for (const [name, pattern] of Object.entries(TOGETHER)) {
    const group = left.filter((file) => matchesGlob(file, pattern));
    left = left.filter((file) => !group.includes(file));
    const imports = group.map((file) => `await import('${pathToFileURL(join(ROOT, file)).href}');`);
    const path = join(directory, `${name}.test.mjs`);
    await writeFile(path, imports.join('\n'));
    bundles.push(path);
  }
  return [...bundles, ...left];
}

async function runFiles(files: readonly string[], options: readonly string[]): Promise<number> {
  const marker = `POSTERN_TEST_RUN=${process.pid}`;
  const runner = spawn(process.execPath, [...runnerArguments(), ...options, ...files], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
    // In a process group of its own, so that whatever is left in it can be found and ended.
    detached: true,
    env: { ...process.env, POSTERN_TEST_RUN: String(process.pid) },
  });
  const group = runner.pid;
  if (group === undefined) throw new Error('the test runner did not start');
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => runner.kill(signal));
  }
  const deadline = setTimeout(() => {
    console.error(`the tests took over ${RUN_TIMEOUT_MS / 60_000} minutes and were stopped`);
    process.kill(-group, 'SIGKILL');
  }, RUN_TIMEOUT_MS);
  await once(runner, 'exit');
  clearTimeout(deadline);
  const left = await endLeftovers(group, marker);
  return left.length > 0 ? 1 : (runner.exitCode ?? 1);
}

function runnerArguments(): string[] {
  const testing = join(import.meta.dirname, 'testing');
  return [
    // As bin/postern.js does: tests meet the regular-expression engine that production has.
    '--enable-experimental-regexp-engine-on-excessive-backtracks',
    '--disable-warning=ExperimentalWarning',
    `--import=${join(testing, 'compile-cache.js')}`,
    `--import=${join(testing, 'file-deadline.ts')}`,
    '--test',
    `--test-reporter=${join(testing, 'reporter.ts')}`,
    '--test-reporter-destination=stdout',
    `--test-concurrency=${CONCURRENCY}`,
    `--test-timeout=${TEST_TIMEOUT_MS}`,
  ];
}

/** Ends what the tests left running, and tells of it: a test that leaks is a failure. */
async function endLeftovers(group: number, marker: string): Promise<readonly LeftProcess[]> {
  const until = Date.now() + EXIT_GRACE_MS;
  let left = processesOf(group, marker);
  while (left.length > 0 && Date.now() < until) {
    await delay(50);
    left = processesOf(group, marker);
  }
  for (const { pid, command } of left) {
    console.error(`left running by a test, killed: ${pid} ${command}`);
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Ended since it was listed.
    }
  }
  return left;
}
