import { rm } from 'node:fs/promises';
import { makeDirectories } from '#lib';
import { fileExists, storageFailed, writeNewFile } from './files.ts';
import { exists } from './state-dir.ts';

/** A file that is to be made beside others. */
export interface PlannedFile {
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

/** Creates a directory (mode 700), absent parents too. @throws StorageFailed */
export async function createDirectory(path: string): Promise<void> {
  try {
    await makeDirectories(path, 0o700);
  } catch (cause) {
    throw storageFailed(path, cause);
  }
}

/** @throws ClientFileExists when one of them is there already, or StorageFailed. */
export async function refuseExisting(files: readonly PlannedFile[]): Promise<void> {
  for (const { path } of files) if (await exists(path)) throw fileExists(path);
}

/**
 * Writes all files or none; nothing is overwritten.
 *
 * @throws ClientFileExists or StorageFailed.
 */
export async function writeAllOrNone(files: readonly PlannedFile[]): Promise<void> {
  const written: string[] = [];
  try {
    for (const { path, text, mode } of files) {
      await writeNewFile(path, text, mode);
      written.push(path);
    }
  } catch (failure) {
    for (const path of written) await rm(path, { force: true });
    throw failure;
  }
}
