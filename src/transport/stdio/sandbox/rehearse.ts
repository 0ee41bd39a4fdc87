import { messageOf } from '#lib';
import { signalGroup } from '../group.ts';
import { startConfined } from './start.ts';

/** For what takes a few milliseconds. */
const PATIENCE_MS = 5000;

const MAX_STDERR_CHARACTERS = 4096;

/**
 * Runs a command line with its confinement in it, which does nothing and ends; resolves with what went
 * wrong, or `null`.
 */
export function rehearse(...start: Parameters<typeof startConfined>): Promise<string | null> {
  return new Promise((resolve) => {
    const child = startConfined(...start);
    let stderr = '';
    const patience = setTimeout(() => {
      if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
    }, PATIENCE_MS);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(-MAX_STDERR_CHARACTERS);
    });
    child.once('error', (error) => {
      clearTimeout(patience);
      resolve(messageOf(error));
    });
    child.once('close', (code) => {
      clearTimeout(patience);
      const complaint = stderr.trim().split('\n').at(-1) ?? '';
      if (code === 0) resolve(null);
      else resolve(complaint === '' ? `it ended with code ${code}` : complaint);
    });
    child.stdin?.on('error', () => undefined).end();
    child.stdout?.resume();
  });
}
