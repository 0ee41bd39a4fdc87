import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { identityDirOf } from './chains.ts';
import { createFile, hasCode, storageFailed, syncDirectory } from './files.ts';
import type { NewFile, NewIdentity } from './make-identity.ts';

/** The same file name in a checkout (.ts) and in the built package (.js). */
const MAKER = import.meta.filename.replace('create-identity', 'make-identity-process');

const UNFINISHED = 'identity.new-';

/**
 * Makes a gateway's keys and certificates and puts them into place in one step, by renaming a
 * finished directory.
 *
 * @returns whether this call's identity is the one in place; `false` when another process was first.
 * @throws StorageFailed
 */
export async function createIdentity(stateDir: string, wanted: NewIdentity): Promise<boolean> {
  const files = await makeAside(wanted);
  try {
    return await publish(stateDir, files);
  } catch (cause) {
    throw storageFailed(stateDir, cause);
  }
}

/**
 * Removes what unfinished attempts left behind. Only for when an identity is in place: an attempt
 * still under way in another process has then lost anyway, and finds out by itself.
 *
 * @throws StorageFailed
 */
export async function removeUnfinished(stateDir: string): Promise<void> {
  try {
    for (const name of await readdir(stateDir)) {
      if (name.startsWith(UNFINISHED)) await removeTree(join(stateDir, name));
    }
  } catch (cause) {
    throw storageFailed(stateDir, cause);
  }
}

/**
 * Makes the files in a process of its own: the X.509 library takes some 25 MB that nobody needs
 * afterwards.
 *
 * @throws Error when that process fails.
 */
async function makeAside(wanted: NewIdentity): Promise<readonly NewFile[]> {
  const child = fork(MAKER, {
    execArgv: [],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`making the identity ended with ${String(code)}`);
  });
  failed.catch(() => undefined);
  child.send(wanted);
  const [files] = (await Promise.race([once(child, 'message'), failed])) as [readonly NewFile[]];
  return files;
}

async function publish(stateDir: string, files: readonly NewFile[]): Promise<boolean> {
  const unfinished = await mkdtemp(join(stateDir, UNFINISHED));
  try {
    await writeTree(unfinished, files);
    // Fails when the identity exists: a directory with entries is never replaced by a rename.
    await rename(unfinished, identityDirOf(stateDir));
    await syncDirectory(stateDir);
    return true;
  } catch (cause) {
    await removeTree(unfinished);
    // ENOENT: the winner of a race has cleaned up after itself and taken this attempt with it.
    if (hasCode(cause, 'EEXIST', 'ENOTEMPTY', 'ENOTDIR', 'ENOENT')) return false;
    throw cause;
  }
}

async function writeTree(directory: string, files: readonly NewFile[]): Promise<void> {
  const inner = new Set(files.map((file) => dirname(file.path)).filter((path) => path !== '.'));
  for (const path of inner) await mkdir(join(directory, path), { mode: 0o700 });
  for (const file of files) await createFile(join(directory, file.path), file.text, file.mode);
  for (const path of inner) await syncDirectory(join(directory, path));
  await syncDirectory(directory);
}

/** Retries, because an attempt under way may add a file while its directory is being removed. */
function removeTree(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
}
