import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/**
 * Makes a directory and those above it that are missing, one by one: Node's own recursive `mkdir` never
 * ends where a file system that makes no directories, such as /proc, answers ENOENT.
 *
 * @param mode permissions of each directory that is made.
 * @returns the topmost one that was made, `null` when all were there.
 * @throws the error of the system for the first that cannot be made.
 */
export async function makeDirectories(path: string, mode: number): Promise<string | null> {
  const directory = resolve(path);
  try {
    return await makeOne(directory, mode);
  } catch (thrown) {
    const parent = dirname(directory);
    if (!isMissing(thrown) || parent === directory) throw thrown;
    const topmost = await makeDirectories(parent, mode);
    const made = await makeOne(directory, mode);
    return topmost ?? made;
  }
}

async function makeOne(directory: string, mode: number): Promise<string | null> {
  try {
    await mkdir(directory, { mode });
    return directory;
  } catch (thrown) {
    // Systems differ in what they answer for one that is there.
    const stats = await stat(directory).catch(() => null);
    if (stats?.isDirectory() === true) return null;
    throw thrown;
  }
}

function isMissing(thrown: unknown): boolean {
  return thrown instanceof Error && (thrown as NodeJS.ErrnoException).code === 'ENOENT';
}
