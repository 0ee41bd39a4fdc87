/** The changes of a gateway's authorities, each as a new generation. */
import type { Authorities } from '../authorities.ts';
import { IdentityMissing, NothingToRetire, RootKeyUnavailable } from '../errors.ts';
import { putInForce } from '../generations.ts';
import { identityDirOf } from '../layout.ts';
import type { StoredIdentity } from '../load-identity.ts';
import { loadIdentity } from '../load-identity.ts';
import { withStateLock } from '../lock.ts';
import { publishCrls, publishLastCrls } from '../revocation/publish.ts';
import { openStateDir } from '../state-dir.ts';
import { upkeep } from '../upkeep.ts';
import { rotationTimes } from './due.ts';
import { withNewIssuing, withNewRoots } from './next-authorities.ts';
import type { RehearsedHandshake } from './rehearse.ts';
import { rehearse } from './rehearse.ts';
import { copyRootKeys, withRootKeys } from './root-keys.ts';

/** How to rotate. */
export interface RotationOptions {
  /** New roots too, not issuing CAs alone. */
  readonly roots: boolean;
  /** Directory with the keys of roots that are kept elsewhere. */
  readonly rootKeysDir: string | null;
}

/** Rotates the issuing CAs alone, with root keys that are in the state directory. */
const ISSUING: RotationOptions = { roots: false, rootKeysDir: null };

/** What a rotation did, or would do. */
export interface Rotation {
  /** Handshakes that were rehearsed before; all went well. */
  readonly rehearsed: readonly RehearsedHandshake[];
  readonly authorities: Authorities;
}

/** What a change comes to. */
interface Decision<T> {
  /** The authorities from now on; `null` when everything stays as it is. */
  readonly next: Authorities | null;
  /** Those before, with keys of roots that are at hand for this change alone. */
  readonly before?: Authorities;
  readonly result: T;
}

/**
 * Makes new authorities in memory and rehearses handshakes with them. Changes nothing.
 *
 * @throws IdentityMissing, RootKeyUnavailable, RootsInTransition, RehearsalFailed, or what loading the
 *   identity throws.
 */
export async function rehearseRotation(
  stateDir: string,
  options: RotationOptions,
): Promise<Rotation> {
  return (await prepare(await load(await openStateDir(stateDir)), options)).result;
}

/**
 * Puts new authorities in force after a rehearsal. What the ones before issued goes on verifying;
 * their keys are destroyed.
 *
 * @throws what {@link rehearseRotation} throws, StateBusy or StorageFailed.
 */
export function rotate(stateDir: string, options: RotationOptions): Promise<Rotation> {
  return change(stateDir, (stored) => prepare(stored, options));
}

/**
 * Replaces the issuing CAs if that is due still, and tells whether it did: another gateway on the same
 * state directory may have been first.
 *
 * @throws what {@link rotate} throws.
 */
export function rotateIssuingIfDue(stateDir: string, issuingMaxAgeMs: number): Promise<boolean> {
  return change(stateDir, async (stored) => {
    if (Date.now() < rotationTimes(stored, issuingMaxAgeMs).issuingMs)
      return { next: null, result: false };
    return { ...(await prepare(stored, ISSUING)), result: true };
  });
}

/**
 * Moves the keys of the roots out of the state directory.
 *
 * @returns where they are now.
 * @throws RootKeyUnavailable when there are none, and what copying and changing throws.
 */
export async function takeRootsOffline(
  stateDir: string,
  directory: string,
): Promise<readonly string[]> {
  return change(stateDir, async (stored) => {
    const copies = await copyRootKeys(stored.chains, directory);
    if (copies.length === 0) {
      throw new RootKeyUnavailable('the keys of the roots are elsewhere already');
    }
    const chains = stored.chains.map((chain) => ({ ...chain, root: { ...chain.root, key: null } }));
    return { next: { ...stored, chains }, result: copies };
  });
}

/**
 * Ends the trust in the roots before the last rotation.
 *
 * @returns how many there were.
 * @throws NothingToRetire, and what changing throws.
 */
export async function retirePreviousRoots(stateDir: string): Promise<number> {
  return change(stateDir, (stored) => {
    const { length } = stored.previousRoots;
    if (length === 0) throw new NothingToRetire('no former roots are trusted');
    const chains = stored.chains.map((chain) => ({ ...chain, cross: null }));
    return Promise.resolve({ next: { ...stored, chains, previousRoots: [] }, result: length });
  });
}

/** One change, under the lock. */
async function change<T>(
  stateDir: string,
  decide: (stored: StoredIdentity) => Promise<Decision<T>>,
): Promise<T> {
  const directory = await openStateDir(stateDir);
  return withStateLock(directory, async () => {
    const stored = await load(directory);
    const { next, before = stored, result } = await decide(stored);
    if (next === null) return result;
    const nowMs = Date.now();
    // The last chance to use keys that are destroyed or leave with this change.
    await publishCrls(directory, before, nowMs);
    await publishLastCrls(directory, before, next, nowMs);
    await putInForce(identityDirOf(directory), next);
    await upkeep(directory);
    return result;
  });
}

async function prepare(
  stored: StoredIdentity,
  { roots, rootKeysDir }: RotationOptions,
): Promise<Decision<Rotation>> {
  const before = rootKeysDir === null ? stored : await withRootKeys(stored, rootKeysDir);
  const next = await (roots ? withNewRoots : withNewIssuing)(before, Date.now());
  const rehearsed = await rehearse(stored, next);
  const authorities = roots ? next : withRootsOf(next, stored);
  return { next: authorities, before, result: { rehearsed, authorities } };
}

/** Roots whose keys were brought along for a rotation do not stay. */
function withRootsOf(next: Authorities, stored: Authorities): Authorities {
  const chains = next.chains.map((chain, index) => ({
    ...chain,
    root: stored.chains[index]?.root ?? chain.root,
  }));
  return { ...next, chains };
}

async function load(directory: string): Promise<StoredIdentity> {
  // Issuing CAs that nobody replaced in time are replaced now.
  const stored = await loadIdentity(directory, Date.now(), 'roots');
  if (stored === null) throw new IdentityMissing(`${directory} holds no identity`);
  return stored;
}
