import type { Group } from './groups.ts';
import { groupByName } from './groups.ts';
import type { SignatureScheme } from './signatures.ts';
import { signatureByName } from './signatures.ts';

/**
 * A profile says which algorithms a link may use, preferred first. This file is where the group
 * names that Postern offers are decided; everything else handles rows.
 */
export interface Profile {
  readonly name: string;
  /**
   * Groups in preference tiers. A peer that supports a group of an earlier tier is moved to it by a
   * HelloRetryRequest even when it sent a key share for a later one only.
   */
  readonly groupTiers: readonly (readonly Group[])[];
  /** Signature schemes; the server's order decides which of its certificates it shows. */
  readonly signatures: readonly SignatureScheme[];
  /** TLS 1.3 cipher suites, IANA names. */
  readonly ciphers: readonly string[];
}

const TLS13_CIPHERS = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'TLS_AES_128_GCM_SHA256',
];

const HYBRID_GROUPS = ['X25519MLKEM768', 'SecP256r1MLKEM768', 'SecP384r1MLKEM1024'];
const CLASSICAL_GROUPS = ['X25519', 'P-256'];
const SIGNATURES = ['ML-DSA-65', 'ML-DSA-87', 'ECDSA-P256-SHA256'];

const PROFILES: readonly Profile[] = [
  // Quantum-safe links only; classical certificates for peers that cannot verify ML-DSA.
  profile('hybrid', [HYBRID_GROUPS], SIGNATURES),
  // Legacy peers too: classical groups in a tier of their own, never mixed into the first.
  profile('transition', [HYBRID_GROUPS, CLASSICAL_GROUPS], SIGNATURES),
];

/** The profile that applies where none is named. */
export const DEFAULT_PROFILE = 'hybrid';

/** Every built-in profile. */
export function allProfiles(): readonly Profile[] {
  return PROFILES;
}

/** The built-in profile of this name, or `undefined`. */
export function profileByName(name: string): Profile | undefined {
  return PROFILES.find((candidate) => candidate.name === name);
}

/** All groups of a profile, preferred first. */
export function groupsOf(subject: Profile): readonly Group[] {
  return subject.groupTiers.flat();
}

/** The profile without its classical-only groups; `enforce_pqc` compiles to this. */
export function quantumSafeOnly(subject: Profile): Profile {
  return { ...subject, groupTiers: keepGroups(subject, (group) => group.quantumSafe) };
}

/** The tiers with the groups that pass; tiers that become empty are dropped. */
export function keepGroups(
  subject: Profile,
  pass: (group: Group) => boolean,
): readonly (readonly Group[])[] {
  return subject.groupTiers.map((tier) => tier.filter(pass)).filter((tier) => tier.length > 0);
}

function profile(name: string, tiers: string[][], signatures: string[]): Profile {
  return Object.freeze({
    name,
    groupTiers: tiers.map((tier) => tier.map((group) => known(groupByName(group), group))),
    signatures: signatures.map((signature) => known(signatureByName(signature), signature)),
    ciphers: TLS13_CIPHERS,
  });
}

function known<T>(found: T | undefined, name: string): T {
  if (found === undefined) throw new Error(`profile names unknown algorithm ${name}`);
  return found;
}
