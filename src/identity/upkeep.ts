/** What is derived from the authorities, or left of those before. */
import { isBundleFresh, refreshBundle } from './ca-bundle.ts';
import { destroyFormer, hasFormer } from './generations.ts';
import { identityDirOf } from './layout.ts';
import type { StoredIdentity } from './load-identity.ts';
import { loadIdentity } from './load-identity.ts';
import { areCrlsDue, publishCrls } from './revocation/publish.ts';

/** Whether {@link upkeep} has anything to do. @throws StorageFailed or IdentityDamaged. */
export async function isUpkeepDue(stateDir: string, stored: StoredIdentity): Promise<boolean> {
  return (
    (await hasFormer(identityDirOf(stateDir))) ||
    !(await isBundleFresh(stored)) ||
    (await areCrlsDue(stateDir, stored, Date.now()))
  );
}

/**
 * Makes anew what is derived from the authorities and destroys those before: brings to its end what a
 * change begins, even one that was killed. Only under the lock of the state directory.
 *
 * @throws StorageFailed or what loading the identity throws.
 */
export async function upkeep(stateDir: string): Promise<void> {
  const nowMs = Date.now();
  const stored = await loadIdentity(stateDir, nowMs);
  // Whoever waited for the lock may find it all done.
  if (stored === null || !(await isUpkeepDue(stateDir, stored))) return;
  await refreshBundle(stored);
  await publishCrls(stateDir, stored, nowMs);
  // Last: as long as there is a former generation, the rest is not done.
  await destroyFormer(identityDirOf(stateDir));
}
