import { randomBytes } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Authorities } from './authorities.ts';
import { generationFiles } from './authorities.ts';
import { IdentityDamaged } from './errors.ts';
import { PUBLIC_MODE, readIdentityFile, replaceFile, storageFailed } from './files.ts';
import { CURRENT } from './layout.ts';
import { destroyTree, removeTree, writeTree } from './tree.ts';

const GENERATION = /^g-[0-9a-f]{8}$/;

/** A name for a new generation, such as `g-1f3a9c02`. */
export function newGeneration(): string {
  return `g-${randomBytes(4).toString('hex')}`;
}

/**
 * The name of the generation in force.
 *
 * @throws IdentityDamaged, StateFileUnsafe or StorageFailed.
 */
export async function readCurrent(identityDir: string): Promise<string> {
  const path = join(identityDir, CURRENT);
  const name = (await readIdentityFile(path, 'public')).trimEnd();
  if (GENERATION.test(name)) return name;
  throw new IdentityDamaged(`${path} names no generation`);
}

/**
 * Writes a new generation and puts it in force, in one step. The one before stays, for
 * {@link destroyFormer}. Only under the lock of the state directory.
 *
 * @throws StorageFailed with one of the two in force, whole.
 */
export async function putInForce(identityDir: string, authorities: Authorities): Promise<void> {
  const generation = newGeneration();
  const directory = join(identityDir, generation);
  try {
    await mkdir(directory, { mode: 0o700 });
    await writeTree(directory, generationFiles(authorities));
    await replaceFile(join(identityDir, CURRENT), `${generation}\n`, PUBLIC_MODE);
  } catch (cause) {
    // Where only the last synchronisation failed, the new generation is in force already.
    const inForce = await readCurrent(identityDir).catch(() => generation);
    if (inForce !== generation) await destroyTree(directory).catch(() => undefined);
    throw storageFailed(identityDir, cause);
  }
}

/** Whether there is more than the generation in force: a change that did not come to its end. */
export async function hasFormer(identityDir: string): Promise<boolean> {
  return (await former(identityDir)).length > 0;
}

/**
 * Destroys all generations but the one in force, and what unfinished changes left. Only under the
 * lock of the state directory.
 *
 * @throws StorageFailed or what {@link readCurrent} throws.
 */
export async function destroyFormer(identityDir: string): Promise<void> {
  for (const name of await former(identityDir)) {
    const path = join(identityDir, name);
    try {
      await (GENERATION.test(name) ? destroyTree(path) : removeTree(path));
    } catch (cause) {
      throw storageFailed(path, cause);
    }
  }
}

async function former(identityDir: string): Promise<readonly string[]> {
  const current = await readCurrent(identityDir);
  const names = await readdir(identityDir).catch((cause: unknown) => {
    throw storageFailed(identityDir, cause);
  });
  // A name with a leading dot is a replacement that was not renamed into place.
  return names.filter(
    (name) => name !== current && (GENERATION.test(name) || name.startsWith('.')),
  );
}
