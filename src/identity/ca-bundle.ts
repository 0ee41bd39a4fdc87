import { PUBLIC_MODE, readIdentityFile, replaceFile } from './files.ts';
import type { StoredIdentity } from './load-identity.ts';

/** Whether `ca.crt` says what the trusted roots say, and nobody else can change it. */
export async function isBundleFresh({ caFile, caPem }: StoredIdentity): Promise<boolean> {
  try {
    return (await readIdentityFile(caFile, 'public')) === caPem;
  } catch {
    return false;
  }
}

/**
 * Brings `ca.crt` up to date. Only under the lock of the state directory.
 *
 * @throws StorageFailed
 */
export async function refreshBundle(stored: StoredIdentity): Promise<void> {
  if (!(await isBundleFresh(stored))) await replaceFile(stored.caFile, stored.caPem, PUBLIC_MODE);
}
