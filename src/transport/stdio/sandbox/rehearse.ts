import { execFile } from 'node:child_process';

/** For what takes a few milliseconds. */
const PATIENCE_MS = 5000;

/** A program that does nothing, within a confinement. */
interface Rehearsal {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly runAs: { readonly uid: number; readonly gid: number } | null;
}

/** Starts what does nothing as a server would be started; resolves with what went wrong, or `null`. */
export function rehearse({ command, args, env, runAs }: Rehearsal): Promise<string | null> {
  const options = { cwd: '/', env, timeout: PATIENCE_MS, killSignal: 'SIGKILL', ...runAs } as const;
  return new Promise((resolve) => {
    execFile(command, args, options, (error, _stdout, stderr) => {
      if (error === null) resolve(null);
      else resolve(stderr.trim().split('\n').at(-1) || error.message);
    });
  });
}
