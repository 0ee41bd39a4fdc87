/** Keys of roots that are kept outside the state directory. */
import { join, resolve } from 'node:path';
import type { Authorities, AuthorityChain } from '../authorities.ts';
import { RootKeyUnavailable, StorageFailed } from '../errors.ts';
import { PRIVATE_MODE, readIdentityFile, writeNewFile } from '../files.ts';
import { privatePem } from '../keys.ts';
import { loadKey } from '../load-identity.ts';
import { exists, openStateDir } from '../state-dir.ts';

/**
 * The authorities with the keys of their roots from a directory that {@link copyRootKeys} wrote to.
 *
 * @throws RootKeyUnavailable when it lacks one, StateFileUnsafe, StorageFailed or IdentityDamaged.
 */
export async function withRootKeys(
  authorities: Authorities,
  directory: string,
): Promise<Authorities> {
  const chains: AuthorityChain[] = [];
  for (const chain of authorities.chains) {
    const { spec, root } = chain;
    const path = join(resolve(directory), keyFileOf(spec.name));
    if (!(await exists(path))) throw missing(path, spec.name);
    const key = await loadKey(path, spec, 'root', root.certificate);
    chains.push({ ...chain, root: { ...root, key } });
  }
  return { ...authorities, chains };
}

/**
 * Copies the keys of roots into a directory, which is created (mode 700) when absent, and reads them
 * back from there. A copy that is there already, from an attempt before, serves.
 *
 * @returns the paths of the copies.
 * @throws ClientFileExists when another file is in the way, StateDirUnsafe or StorageFailed.
 */
export async function copyRootKeys(
  chains: readonly AuthorityChain[],
  directory: string,
): Promise<readonly string[]> {
  // A new one has to be on disk itself: the keys are destroyed elsewhere next.
  const target = await openStateDir(directory);
  const paths: string[] = [];
  for (const { spec, root } of chains) {
    if (root.key === null) continue;
    const path = join(target, keyFileOf(spec.name));
    const pem = privatePem(root.key);
    const isThere = (await exists(path)) && (await readIdentityFile(path, 'private')) === pem;
    if (!isThere) await writeNewFile(path, pem, PRIVATE_MODE);
    if ((await readIdentityFile(path, 'private')) !== pem) {
      throw new StorageFailed(`${path} does not read back as it was written`);
    }
    paths.push(path);
  }
  return paths;
}

function keyFileOf(chain: string): string {
  return `${chain}-root.key`;
}

function missing(path: string, chain: string): Error {
  return new RootKeyUnavailable(`${path} is missing`, { details: { chain } });
}
