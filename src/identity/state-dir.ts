import { lstat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { makeDirectories } from '#lib';
import { StateDirUnsafe } from './errors.ts';
import { belongsToAnother, hasCode, shellWord, storageFailed, syncDirectory } from './files.ts';

const DIRECTORY_MODE = 0o700;

/**
 * Where the gateway keeps its state when nothing else is configured: `$POSTERN_HOME`, else
 * `$XDG_STATE_HOME/postern`, else `~/.local/state/postern`.
 *
 * Empty variables count as absent, and so does a relative XDG_STATE_HOME (XDG Base Directory).
 */
export function defaultStateDir(env: NodeJS.ProcessEnv): string {
  const { POSTERN_HOME: own = '', XDG_STATE_HOME: xdg = '', HOME: home = '' } = env;
  if (own !== '') return resolve(own);
  if (isAbsolute(xdg)) return join(xdg, 'postern');
  return join(isAbsolute(home) ? home : homedir(), '.local', 'state', 'postern');
}

/**
 * Makes sure that the state directory exists and is this user's alone, and returns its absolute path.
 * An absent one is created with mode 700, absent parents too.
 *
 * @throws StateDirUnsafe, with the command that mends it as hint, or StorageFailed.
 */
export async function openStateDir(path: string): Promise<string> {
  const directory = resolve(path);
  if (!(await exists(directory))) await create(directory);
  await refuseUnsafeDirectory(directory);
  return directory;
}

/**
 * Refuses a directory that another user could enter, or that is really something else.
 *
 * @throws StateDirUnsafe or StorageFailed.
 */
export async function refuseUnsafeDirectory(path: string): Promise<void> {
  const stats = await lstat(path).catch((cause: unknown) => {
    throw storageFailed(path, cause);
  });
  const word = shellWord(path);
  if (stats.isSymbolicLink()) {
    throw unsafe(
      path,
      'is a symbolic link',
      `Use the directory that \`readlink -f ${word}\` prints.`,
    );
  }
  if (!stats.isDirectory()) throw unsafe(path, 'is not a directory', `Move ${word} away.`);
  if (belongsToAnother(stats)) {
    throw unsafe(path, 'belongs to another user', `Run: sudo chown -R "$(id -u)" ${word}`);
  }
  const mode = stats.mode & 0o777;
  if ((mode & 0o077) !== 0) {
    throw unsafe(
      path,
      `has mode ${mode.toString(8)}: other users can enter it`,
      `Run: chmod 700 ${word}`,
    );
  }
}

/** Whether anything stands at this path, a dangling link included. */
export async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (cause) {
    if (hasCode(cause, 'ENOENT')) return false;
    throw storageFailed(path, cause);
  }
}

async function create(directory: string): Promise<void> {
  try {
    const topmost = await makeDirectories(directory, DIRECTORY_MODE);
    if (topmost === null) return;
    // A new directory survives a power failure once its parent's entries are on disk.
    let made = directory;
    await syncDirectory(dirname(made));
    while (made !== topmost) {
      made = dirname(made);
      await syncDirectory(dirname(made));
    }
  } catch (cause) {
    throw storageFailed(directory, cause);
  }
}

function unsafe(path: string, what: string, hint: string): Error {
  return new StateDirUnsafe(`${path} ${what}`, { hint, details: { path } });
}
