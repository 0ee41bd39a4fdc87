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

/**
 * Starts a command line with its confinement in it, as the leader of its own process group, with pipes
 * for its standard streams. Throws what `spawn` does.
 */
export function startConfined(
  { command, args }: { readonly command: string; readonly args: readonly string[] },
  { cwd, env, confinement: { sandbox, runAs } }: Start,
): ChildProcess {
  const filter = sandbox === 'strict' ? seccompFilter() : null;
  const child = spawn(command, args, {
    cwd,
    ...runAs,
    env,
    stdio: ['pipe', 'pipe', 'pipe', ...(filter === null ? [] : ['pipe' as const])],
    detached: HAS_GROUPS,
    shell: false,
    windowsHide: true,
  });
  const pipe: unknown = filter === null ? null : child.stdio?.[SECCOMP_DESCRIPTOR];
  if (pipe instanceof Duplex) {
    // Whoever does not read it has ended already.
    pipe.on('error', () => pipe.destroy());
    pipe.end(filter, () => pipe.destroy());
  }
  return child;
}
