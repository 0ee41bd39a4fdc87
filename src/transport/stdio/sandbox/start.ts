import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import type { Confinement } from '../confinement.ts';
import { HAS_GROUPS } from '../group.ts';
import { SECCOMP_DESCRIPTOR, seccompFilter } from './seccomp.ts';

/** How a command line is started. */
interface Start {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly confinement: Pick<Confinement, 'sandbox' | 'runAs'>;
}

/** A command, without a shell. */
interface CommandLine {
  readonly command: string;
  readonly args: readonly string[];
}

/** What `bwrap` reads more words of its command line from. */
const WORDS_DESCRIPTOR = 4;

/**
 * Starts a command line with its confinement in it, as the leader of its own process group, with pipes
 * for its standard streams. Throws what `spawn` does.
 */
export function startConfined(line: CommandLine, start: Start): ChildProcess {
  const { cwd, env, confinement } = start;
  const filter = confinement.sandbox === 'strict' ? seccompFilter() : null;
  if (filter === null) return startGroup(line, { cwd, env, runAs: confinement.runAs, pipes: [] });
  // In its own environment `bwrap` would load libraries from where LD_LIBRARY_PATH says; its arguments
  // can be seen by all users.
  const words = Object.entries(env).flatMap(([name, value]) => ['--setenv', name, value]);
  const { command, args } = line;
  const child = startGroup(
    { command, args: ['--args', `${WORDS_DESCRIPTOR}`, ...args] },
    { cwd, env: {}, runAs: confinement.runAs, pipes: ['pipe', 'pipe'] },
  );
  feed(child, SECCOMP_DESCRIPTOR, filter);
  feed(child, WORDS_DESCRIPTOR, Buffer.from(words.map((word) => `${word}\0`).join('')));
  return child;
}

interface GroupStart extends Pick<Start, 'cwd' | 'env'> {
  readonly runAs: Confinement['runAs'];
  /** After the standard streams. */
  readonly pipes: readonly 'pipe'[];
}

function startGroup({ command, args }: CommandLine, start: GroupStart): ChildProcess {
  const { cwd, env, runAs, pipes } = start;
  return spawn(command, args, {
    cwd,
    ...runAs,
    env,
    stdio: ['pipe', 'pipe', 'pipe', ...pipes],
    detached: HAS_GROUPS,
    shell: false,
    windowsHide: true,
  });
}

function feed(child: ChildProcess, descriptor: number, bytes: Buffer): void {
  const pipe: unknown = child.stdio?.[descriptor];
  if (!(pipe instanceof Duplex)) return;
  // Whoever does not read it has ended already.
  pipe.on('error', () => pipe.destroy());
  pipe.end(bytes, () => pipe.destroy());
}
