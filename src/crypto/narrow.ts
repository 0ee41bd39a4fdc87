import { NothingAllowed, UnknownAlgorithm } from './errors.ts';
import type { Cipher } from './ciphers.ts';
import type { Group } from './groups.ts';
import { allGroups } from './groups.ts';
import type { Kem } from './kems.ts';
import type { Profile } from './profiles.ts';
import { keepGroups } from './profiles.ts';
import { algorithmNamed, allAlgorithms } from './registry.ts';
import type { SignatureScheme } from './signatures.ts';

/** What a list of allowed algorithms admits; an absent set admits whatever the profile has. */
export interface AllowedAlgorithms {
  readonly groups: ReadonlySet<Group> | null;
  readonly signatures: ReadonlySet<SignatureScheme> | null;
  readonly ciphers: ReadonlySet<Cipher> | null;
}

/**
 * Reads a policy's `allowed_algos`: KEM names admit every group with that KEM part, group names
 * themselves, signature and cipher names those.
 *
 * @throws UnknownAlgorithm for a name that the registry does not have.
 */
export function parseAllowedAlgorithms(names: readonly string[]): AllowedAlgorithms {
  const groups = new Set<Group>();
  const signatures = new Set<SignatureScheme>();
  const ciphers = new Set<Cipher>();
  for (const name of names) {
    const row = algorithmNamed(name);
    if (row?.kind === 'kem') for (const group of groupsWith(row)) groups.add(group);
    else if (row?.kind === 'group') groups.add(row);
    else if (row?.kind === 'signature') signatures.add(row);
    else if (row?.kind === 'cipher') ciphers.add(row);
    else throw new UnknownAlgorithm(`unknown algorithm "${name}"`, { details: { name } });
  }
  return { groups: orNull(groups), signatures: orNull(signatures), ciphers: orNull(ciphers) };
}

/** The names that {@link parseAllowedAlgorithms} understands, for messages and completion. */
export function algorithmNames(): readonly string[] {
  return allAlgorithms()
    .filter((row) => row.kind !== 'hash')
    .map((row) => row.name);
}

/**
 * The profile with only what is allowed.
 *
 * @throws NothingAllowed when nothing of a kind is left: such a link could never be made.
 */
export function narrowProfile(profile: Profile, allowed: AllowedAlgorithms): Profile {
  const groupTiers = keepGroups(profile, (group) => allowed.groups?.has(group) ?? true);
  const signatures = profile.signatures.filter((scheme) => allowed.signatures?.has(scheme) ?? true);
  const ciphers = profile.ciphers.filter((cipher) => allowed.ciphers?.has(cipher) ?? true);
  const kinds = { 'key exchange': groupTiers, signature: signatures, cipher: ciphers };
  const [missing] = Object.entries(kinds).find(([, left]) => left.length === 0) ?? [];
  if (missing !== undefined) {
    throw new NothingAllowed(`no ${missing} of profile "${profile.name}" is allowed`, {
      details: { profile: profile.name, missing },
    });
  }
  return { ...profile, groupTiers, signatures, ciphers };
}

function groupsWith(kem: Kem): readonly Group[] {
  return allGroups().filter((group) => group.kem === kem);
}

function orNull<T>(set: ReadonlySet<T>): ReadonlySet<T> | null {
  return set.size > 0 ? set : null;
}
