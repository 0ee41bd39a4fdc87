/** The command line, run as users run it. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';

const LAUNCHER = join(import.meta.dirname, '../../bin/postern.js');

/** What a command printed and its exit code. */
export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `postern` with these arguments until it ends. */
export function runPostern(...args: readonly string[]): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [LAUNCHER, ...args], (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}
