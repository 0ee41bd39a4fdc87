import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import type { Core } from './bench.ts';
import { startOf, treeOf } from './processes.ts';

/** How a process is started. */
export interface ChildOptions {
  /** Core to stay on, with all its descendants; `null` for any. */
  readonly core: Core;
  /** Words before the command that put it into another network namespace. */
  readonly within?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Outlives cases that fail, and goes with the benchmark. */
  readonly lasting?: true;
  /** Written to its stdin, which is then closed. */
  readonly input?: string;
}

/** A process that the benchmark started. */
export interface Child {
  readonly pid: number;
  /**
   * Resolves when its stdout can be read as what is awaited; rejects when it ends before.
   *
   * @param read gets everything so far and answers `null` for "not yet".
   */
  said<T>(read: (stdout: string) => T | null): Promise<T>;
  /** Resolves with all of its stdout when it has ended with 0. */
  output(): Promise<string>;
  /** The end of what it wrote to stderr. */
  complaints(): string;
  readonly ended: boolean;
  /** Ends it and every descendant; resolves when all are gone. */
  stop(): Promise<void>;
}

/** What a process may take to end in order. */
const STOP_GRACE_MS = 12_000;
/** More than reports and summaries have; of a talkative program the newest half is kept. */
const MAX_CHARACTERS = 128 * 1024;
const TAIL_CHARACTERS = 2000;

const running = new Set<Child>();
const lasting = new Set<Child>();
let ending = false;

/** Ends whatever still runs, and lets nothing else start. */
export async function stopAll(): Promise<void> {
  ending = true;
  await stopRunning();
  await Promise.allSettled([...lasting].map((child) => child.stop()));
}

/** Ends whatever still runs, such as the parts of a subject that could not be started whole. */
export async function stopRunning(): Promise<void> {
  await Promise.allSettled([...running].map((child) => child.stop()));
}

/** Starts a process. */
export function start(command: string, args: readonly string[], options: ChildOptions): Child {
  if (ending) throw new Error('the benchmark is ending');
  const { core, within = [] } = options;
  const pinned = core === null ? [] : ['taskset', '-c', String(core)];
  const [program = command, ...words] = [...within, ...pinned, command, ...args];
  const child = spawn(program, words, {
    stdio: ['pipe', 'pipe', 'pipe'],
    // In a process group of its own: Ctrl-C reaches the benchmark alone, which ends the rest in order.
    detached: true,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { ...process.env, ...options.env },
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`cannot run ${program}`);
  child.stdin.on('error', () => undefined);
  if (options.input !== undefined) child.stdin.end(options.input);
  const stdout = collect(child, 'stdout');
  const stderr = collect(child, 'stderr');
  const exited = once(child, 'exit').catch(() => undefined);
  const failure = (): Error =>
    new Error(`${command} ended with ${child.exitCode ?? child.signalCode}: ${stderr.tail()}`);
  const self: Child = {
    pid,
    said: (read) =>
      Promise.race([stdout.until(read), exited.then(() => Promise.reject(failure()))]),
    output: async () => {
      await Promise.all([exited, stdout.closed]);
      if (child.exitCode !== 0) throw failure();
      return stdout.text();
    },
    complaints: () => stderr.tail(),
    get ended() {
      return child.exitCode !== null || child.signalCode !== null;
    },
    stop: () => stopTree(child, pid),
  };
  const kept = options.lasting === true ? lasting : running;
  kept.add(self);
  void exited.then(() => kept.delete(self));
  return self;
}

interface Collected {
  readonly closed: Promise<void>;
  until<T>(read: (text: string) => T | null): Promise<T>;
  text(): string;
  tail(): string;
}

function collect(child: ChildProcess, name: 'stdout' | 'stderr'): Collected {
  let text = '';
  const stream = child[name];
  const onChange = new Set<() => void>();
  stream?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    if (text.length > MAX_CHARACTERS) text = text.slice(-MAX_CHARACTERS / 2);
    for (const changed of onChange) changed();
  });
  const closed = new Promise<void>((resolve) => {
    stream?.once('close', () => resolve());
  });
  const until = <T>(read: (text: string) => T | null): Promise<T> =>
    new Promise((resolve, reject) => {
      const changed = (): void => {
        try {
          const value = read(text);
          if (value === null) return;
          resolve(value);
        } catch (error) {
          reject(error);
        }
        onChange.delete(changed);
      };
      onChange.add(changed);
      changed();
    });
  return { closed, until, text: () => text, tail: () => text.slice(-TAIL_CHARACTERS) };
}

/** SIGTERM to the process; SIGKILL to it and to every descendant that is left after the grace. */
async function stopTree(child: ChildProcess, pid: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const tree = treeOf(pid).map((each) => ({ pid: each, start: startOf(each) }));
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await Promise.race([exited, wait(STOP_GRACE_MS, undefined, { ref: false })]);
  for (const each of tree) {
    // Only the very process that was seen: its number may be another's by now.
    if (each.start === null || startOf(each.pid) !== each.start) continue;
    try {
      process.kill(each.pid, 'SIGKILL');
    } catch {
      // It has just gone by itself.
    }
  }
  if (child.exitCode === null && child.signalCode === null) await exited;
}
