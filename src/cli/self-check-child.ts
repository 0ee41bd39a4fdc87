import { fork } from 'node:child_process';
import { once } from 'node:events';
import { SelfCheckFailed } from './errors.ts';
import type { SelfCheck, SelfCheckTarget } from './self-check.ts';

type Answer = { readonly check: SelfCheck } | { readonly problem: string };

/** The same file name in a checkout (.ts) and in the built package (.js). */
const PROGRAM = import.meta.filename.replace('self-check-child', 'self-check-process');

/**
 * Runs the self-check in a process of its own: it comes in by the front door as a stranger would, and
 * what it needs of memory goes with it.
 *
 * @throws SelfCheckFailed
 */
export async function runSelfCheck(target: SelfCheckTarget): Promise<SelfCheck> {
  const child = fork(PROGRAM, {
    execArgv: ['--disable-warning=ExperimentalWarning'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ended = once(child, 'exit').then(() => {
    throw new SelfCheckFailed('the self-check ended without an answer');
  });
  ended.catch(() => undefined);
  child.send(target);
  const [answer] = (await Promise.race([once(child, 'message'), ended])) as [Answer];
  if ('problem' in answer) throw new SelfCheckFailed(answer.problem);
  return answer.check;
}
