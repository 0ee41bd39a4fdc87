import type { ChildProcess, ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { PosternError } from '#lib';
import { messageOf } from '#lib';
import { UpstreamUnavailable } from '../errors.ts';
import { wrappersOf } from './confinement.ts';
import type { Program } from './program.ts';
import { commandLineOf, findProgram, viewFor, whyNotConfinable } from './program.ts';
import { startConfined } from './sandbox/start.ts';
import { unseenBy } from './sandbox/unseen.ts';

/**
 * Starts a program within its confinement, as the leader of its own process group.
 *
 * @throws UpstreamUnavailable when it cannot even be tried, UpstreamCredentialUnavailable.
 */
export function spawnProgram(program: Program): ChildProcessWithoutNullStreams {
  const credentials = program.credentials();
  const { confinement, cwd } = program;
  const problem = whyNotConfinable(program);
  if (problem !== null) throw notStarted(program, problem);
  const view = viewFor(program);
  if (!view.ok) throw notStarted(program, view.problem);
  const line = commandLineOf(program, view.mounts);
  const env = { ...program.environment, ...credentials };
  let child: ChildProcess;
  try {
    child = startConfined(line, { cwd, env, confinement });
  } catch (cause) {
    throw notStarted(program, explainSpawnError(cause, program), cause);
  }
  // Without free descriptors there is a child object but no pipes; its 'error' event tells why.
  if (hasPipes(child)) return child;
  child.once('error', () => undefined);
  throw notStarted(program, 'no free descriptors');
}

/** Why a program could not be started. */
export function explainSpawnError(error: unknown, program: Program): string {
  if (!existsSync(program.cwd)) return `the directory ${program.cwd} does not exist`;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') {
    const [started = program.command] = wrappersOf(program.confinement);
    return `the program "${started}" was not found`;
  }
  if (code === 'EPERM') return 'the gateway may not run it as another user';
  if (code === 'EACCES') return `the program "${program.command}" may not be executed`;
  return messageOf(error);
}

/**
 * How a program ended, and what its confinement may have to do with it; continues a sentence that
 * begins with "the server".
 *
 * @param lastLine of what it wrote on stderr.
 */
export function explainExit(
  code: number | null,
  signal: NodeJS.Signals | null,
  program: Program,
  lastLine: string,
): string {
  if (signal !== null) return `was ended by ${signal}`;
  const exited = `exited with code ${code}`;
  if (code === 0) return exited;
  const { confinement } = program;
  // The server's own words may be anything, and are in the log.
  const wrapper = wrappersOf(confinement).find((name) => lastLine.startsWith(`${name}: `));
  const complaint = wrapper === undefined ? '' : ` (${lastLine})`;
  return exited + complaint + whatIsUnseen(program);
}

function whatIsUnseen(program: Program): string {
  const { args, cwd, confinement } = program;
  const view = viewFor(program);
  if (confinement.sandbox !== 'strict' || !view.ok) return '';
  const find = (name: string): string | null => findProgram(program, name);
  const unseen = unseenBy({ args, cwd, find, command: find(program.command) }, view.mounts);
  if (unseen.length === 0) return '';
  return `; its sandbox does not show ${unseen.join(', ')}: add to "readable" what it needs`;
}

function notStarted({ name }: Program, reason: string, cause?: unknown): PosternError {
  return new UpstreamUnavailable(`"${name}" could not be started: ${reason}`, { cause });
}

function hasPipes(child: ChildProcess): child is ChildProcessWithoutNullStreams {
  const streams: readonly unknown[] = [child.stdin, child.stdout, child.stderr];
  return streams.every((stream) => stream !== undefined);
}
