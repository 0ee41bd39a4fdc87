import type { Cipher } from './ciphers.ts';
import { ProfileInvalid } from './errors.ts';
import type { Group } from './groups.ts';
import { cipherByName, groupByName, signatureByName } from './registry.ts';
import type { SignatureScheme } from './signatures.ts';

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
  /**
   * Signature schemes of both sides. The server's order decides which of its certificates it shows,
   * not the client's.
   */
  readonly signatures: readonly SignatureScheme[];
  /** TLS 1.3 cipher suites. */
  readonly ciphers: readonly Cipher[];
}

/** What a profile consists of. */
export type ProfileParts = Omit<Profile, 'name'>;

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
  builtIn('hybrid', [HYBRID_GROUPS], SIGNATURES, TLS13_CIPHERS),
  // Legacy peers too: classical groups in a tier of their own, never mixed into the first.
  builtIn('transition', [HYBRID_GROUPS, CLASSICAL_GROUPS], SIGNATURES, TLS13_CIPHERS),
  // NSA's Commercial National Security Algorithm Suite 2.0.
  builtIn(
    'cnsa2',
    [['MLKEM1024', 'SecP384r1MLKEM1024']],
    ['ML-DSA-87'],
    ['TLS_AES_256_GCM_SHA384'],
  ),
  // Closed networks of peers that all have post-quantum certificates.
  builtIn(
    'strict',
    [['SecP384r1MLKEM1024', 'X25519MLKEM768']],
    ['ML-DSA-65', 'ML-DSA-87'],
    TLS13_CIPHERS,
  ),
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

/**
 * Makes a profile.
 *
 * @throws ProfileInvalid for a list that is empty or has something twice, and for a classical group
 *   that a peer with a quantum-safe one could end up on.
 */
export function makeProfile(name: string, parts: ProfileParts): Profile {
  const { groupTiers, signatures, ciphers } = parts;
  const lists = { groups: groupTiers.flat(), signatures, ciphers };
  for (const [list, rows] of Object.entries(lists)) {
    if (rows.length === 0) throw invalid(name, `${list} is an empty list`);
    if (new Set<unknown>(rows).size < rows.length) throw invalid(name, `${list} has one twice`);
  }
  checkTiers(name, groupTiers);
  return Object.freeze({ name, groupTiers, signatures, ciphers });
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

/**
 * OpenSSL moves a peer to an earlier tier but not within one, so a classical group beside or before a
 * quantum-safe one would win with every client that sends a share for it alone.
 */
function checkTiers(profile: string, tiers: readonly (readonly Group[])[]): void {
  const safe = tiers.map((tier) => new Set(tier.map((group) => group.quantumSafe)));
  const mixed = safe.some((kinds) => kinds.size > 1);
  const firstClassical = safe.findIndex((kinds) => kinds.has(false));
  const lastSafe = safe.findLastIndex((kinds) => kinds.has(true));
  if (mixed || (firstClassical !== -1 && firstClassical < lastSafe)) {
    throw invalid(profile, 'classical groups belong into a tier of their own, after the others');
  }
}

function builtIn(
  name: string,
  tiers: readonly (readonly string[])[],
  signatures: readonly string[],
  ciphers: readonly string[],
): Profile {
  return makeProfile(name, {
    groupTiers: tiers.map((tier) => tier.map((group) => known(groupByName(group), group))),
    signatures: signatures.map((signature) => known(signatureByName(signature), signature)),
    ciphers: ciphers.map((cipher) => known(cipherByName(cipher), cipher)),
  });
}

function known<T>(found: T | undefined, name: string): T {
  if (found === undefined) throw new Error(`a profile names the unknown algorithm ${name}`);
  return found;
}

function invalid(profile: string, problem: string): Error {
  return new ProfileInvalid(problem, { details: { profile } });
}
