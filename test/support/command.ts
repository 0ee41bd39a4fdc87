/** The command line, as a user runs it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

const LAUNCHER = join(import.meta.dirname, '../../bin/postern.js');

/** What a command came to. */
export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts `postern` with these arguments; `env` adds to the environment. */
export function startCommand(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return spawn(process.execPath, [LAUNCHER, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
}

/** Runs `postern` with these arguments to its end. */
export async function runCommand(
  args: readonly string[],
  env?: Readonly<Record<string, string>>,
): Promise<CommandResult> {
  const child = startCommand(args, env);
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ]);
  return { code, stdout, stderr };
}
