/** Directories of small files: written as a whole, and destroyed so that no key outlives them. */
import { constants } from 'node:fs';
import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createFile, hasCode, syncDirectory } from './files.ts';

/** A file to be written. */
export interface NewFile {
  /** Relative to the directory of the tree. */
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

/** Writes files into an existing directory and has them on disk when it returns. */
export async function writeTree(directory: string, files: readonly NewFile[]): Promise<void> {
  const inner = new Set(files.flatMap((file) => ancestors(file.path)));
  for (const path of inner) await mkdir(join(directory, path), { mode: 0o700 });
  for (const file of files) await createFile(join(directory, file.path), file.text, file.mode);
  for (const path of inner) await syncDirectory(join(directory, path));
  await syncDirectory(directory);
}

/**
 * Overwrites every file below a directory and removes it. On disks that write elsewhere (flash, or
 * file systems that copy on write) the old blocks stay until they are reused; encrypt such a disk.
 */
export async function destroyTree(directory: string): Promise<void> {
  try {
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    for (const entry of entries) {
      if (entry.isFile()) await overwrite(join(entry.parentPath, entry.name));
    }
  } catch (cause) {
    // Another process is at the same work, and further along.
    if (!hasCode(cause, 'ENOENT')) throw cause;
  }
  await removeTree(directory);
}

/** Removes a directory, in which another process may be adding a file. */
export function removeTree(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
}

async function overwrite(path: string): Promise<void> {
  const handle = await open(path, constants.O_WRONLY | constants.O_NOFOLLOW);
  try {
    const { size } = await handle.stat();
    await handle.writeFile(Buffer.alloc(size));
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The directories above a relative path, outermost first. */
function ancestors(path: string): readonly string[] {
  const parent = dirname(path);
  return parent === '.' ? [] : [...ancestors(parent), parent];
}
