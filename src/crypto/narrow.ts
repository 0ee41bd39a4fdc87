import { NothingAllowed, UnknownAlgorithm } from './errors.ts';
import type { Group } from './groups.ts';
import { allGroups, groupByName } from './groups.ts';
import type { Profile } from './profiles.ts';
import { keepGroups } from './profiles.ts';
import type { SignatureScheme } from './signatures.ts';
import { allSignatureSchemes, signatureByName } from './signatures.ts';

/** What a list of allowed algorithms admits; an absent set admits whatever the profile has. */
export interface AllowedAlgorithms {
  readonly groups: ReadonlySet<Group> | null;
  readonly signatures: ReadonlySet<SignatureScheme> | null;
}

/** Names from before standardisation, as policies in the field still spell them. */
const LEGACY_NAMES: Readonly<Record<string, string>> = {
  kyber512: 'ML-KEM-512',
  kyber768: 'ML-KEM-768',
  kyber1024: 'ML-KEM-1024',
  dilithium2: 'ML-DSA-44',
  dilithium3: 'ML-DSA-65',
  dilithium5: 'ML-DSA-87',
};

/**
 * Reads a policy's `allowed_algos`: KEM names admit every group with that KEM part, group names
 * themselves, signature names that scheme.
 *
 * @throws UnknownAlgorithm for a name that the registry does not have.
 */
export function parseAllowedAlgorithms(names: readonly string[]): AllowedAlgorithms {
  const groups = new Set<Group>();
  const signatures = new Set<SignatureScheme>();
  for (const given of names) {
    const name = standardName(given);
    const admitted = groupsNamed(name);
    const signature = signatureByName(name);
    if (admitted.length === 0 && signature === undefined) {
      throw new UnknownAlgorithm(`unknown algorithm "${given}"`, { details: { name: given } });
    }
    for (const group of admitted) groups.add(group);
    if (signature !== undefined) signatures.add(signature);
  }
  return {
    groups: groups.size > 0 ? groups : null,
    signatures: signatures.size > 0 ? signatures : null,
  };
}

/** The names that {@link parseAllowedAlgorithms} understands, for messages and completion. */
export function algorithmNames(): readonly string[] {
  const kems = allGroups().flatMap((group) => group.kem ?? []);
  const groups = allGroups().map((group) => group.name);
  return [...new Set([...kems, ...groups, ...allSignatureSchemes().map((scheme) => scheme.name)])];
}

/**
 * The profile with only what is allowed.
 *
 * @throws NothingAllowed when no group or no signature is left: such a link could never be made.
 */
export function narrowProfile(profile: Profile, allowed: AllowedAlgorithms): Profile {
  const groupTiers = keepGroups(profile, (group) => allowed.groups?.has(group) ?? true);
  const signatures = profile.signatures.filter((scheme) => allowed.signatures?.has(scheme) ?? true);
  if (groupTiers.length === 0 || signatures.length === 0) {
    const missing = groupTiers.length === 0 ? 'key exchange' : 'signature';
    throw new NothingAllowed(`no ${missing} of profile "${profile.name}" is allowed`, {
      details: { profile: profile.name, missing },
    });
  }
  return { ...profile, groupTiers, signatures };
}

function standardName(name: string): string {
  return LEGACY_NAMES[name.toLowerCase()] ?? name;
}

function groupsNamed(name: string): readonly Group[] {
  const group = groupByName(name);
  if (group !== undefined) return [group];
  return allGroups().filter((candidate) => candidate.kem?.toLowerCase() === name.toLowerCase());
}
