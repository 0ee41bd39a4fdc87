import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode, storageFailed } from '../files.ts';
import { identityDirOf } from '../layout.ts';

/** The directory with the revocation lists of the gateway's own authorities. */
export function publishedDirOf(stateDir: string): string {
  return join(identityDirOf(stateDir), 'crl');
}

/**
 * The revocation lists of the gateway's own authorities, PEM; none before the first were made.
 *
 * @throws StorageFailed
 */
export async function readPublished(stateDir: string): Promise<readonly string[]> {
  const directory = publishedDirOf(stateDir);
  try {
    const names = (await readdir(directory)).filter((name) => name.endsWith('.crl'));
    return await Promise.all(
      names.toSorted().map((name) => readFile(join(directory, name), 'utf8')),
    );
  } catch (cause) {
    if (hasCode(cause, 'ENOENT')) return [];
    throw storageFailed(directory, cause);
  }
}
