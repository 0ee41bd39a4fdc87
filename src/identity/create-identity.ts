import { mkdtemp, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode, storageFailed, syncDirectory } from './files.ts';
import { identityDirOf } from './layout.ts';
import type { NewIdentity } from './make-identity.ts';
import type { NewFile } from './tree.ts';
import { removeTree, writeTree } from './tree.ts';
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
