import { PUBLIC_MODE, readIdentityFile, replaceFile } from './files.ts';
import type { StoredIdentity } from './load-identity.ts';
import { loadIdentity } from './load-identity.ts';
import { withStateLock } from './lock.ts';

/**
 * Brings `ca.crt` up to date: it says nothing that the roots do not say themselves.
 *
 * @throws StateBusy, StorageFailed, or what loading the identity throws.
 */
export async function refreshBundle(stateDir: string, stored: StoredIdentity): Promise<void> {
  if (await isFresh(stored)) return;
  await withStateLock(stateDir, async () => {
    // What was loaded before may have been replaced since.
    const inForce = (await loadIdentity(stateDir, Date.now())) ?? stored;
    await writeBundle(inForce);
  });
}

/** The same for who holds the lock of the state directory. */
export async function writeBundle(stored: StoredIdentity): Promise<void> {
  if (!(await isFresh(stored))) await replaceFile(stored.caFile, stored.caPem, PUBLIC_MODE);
}

async function isFresh({ caFile, caPem }: StoredIdentity): Promise<boolean> {
  try {
    return (await readIdentityFile(caFile, 'public')) === caPem;
  } catch {
    return false;
  }
}
