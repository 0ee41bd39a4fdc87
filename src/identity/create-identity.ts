import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { identityDirOf } from './chains.ts';
import { createFile, hasCode, storageFailed, syncDirectory } from './files.ts';
import type { NewFile, NewIdentity } from './make-identity.ts';
import type { Workshop } from './workshop.ts';

const UNFINISHED = 'identity.new-';

/**
 * Makes the authorities of a gateway and puts them into place in one step, by renaming a finished
 * directory.
 *
 * @returns whether this call's identity is the one in place; `false` when another process was first.
 * @throws StorageFailed
 */
export async function createIdentity(
  stateDir: string,
  wanted: NewIdentity,
  workshop: Workshop,
): Promise<boolean> {
  const files = await workshop.authorities(wanted);
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
