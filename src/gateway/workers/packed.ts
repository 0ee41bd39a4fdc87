/**
 * What is in force, and links, as they pass from one thread to another: rows of the registry by their
 * names, a policy by its text, everything else as it is.
 */
import type { LinkSecurity, Profile, SignatureScheme, TlsLink } from '#crypto';
import { cipherByName, groupByName, signatureByName } from '#crypto';
import type { GatewayIdentity, ServerCredential } from '#identity';
import type { Policy } from '#policy';
import { denyAllPolicy, readPolicy } from '#policy';
import type { EpochPlan, ServerTls } from '#tls';

/** What all workers work under. Immutable; replaced whole. */
export interface InForce {
  readonly policy: Policy;
  readonly identity: GatewayIdentity;
  /** What new connections follow, by name of the listener; of those with TLS. */
  readonly plans: ReadonlyMap<string, EpochPlan>;
}

/** {@link InForce}, packed. */
export interface PackedInForce {
  readonly policy: { readonly text: string | null; readonly hash: string };
  readonly identity: PackedIdentity;
  readonly plans: ReadonlyMap<string, PackedPlan>;
}

type PackedCredential = Omit<ServerCredential, 'scheme'> & { readonly scheme: string };
type PackedIdentity = Omit<GatewayIdentity, 'credentials'> & {
  readonly credentials: readonly PackedCredential[];
};
interface PackedProfile {
  readonly name: string;
  readonly groupTiers: readonly (readonly string[])[];
  readonly signatures: readonly string[];
  readonly ciphers: readonly string[];
}
type PackedTls = Omit<ServerTls, 'credentials' | 'profile'> & {
  readonly credentials: readonly PackedCredential[];
  readonly profile: PackedProfile;
};
interface PackedPlan {
  readonly stable: PackedTls;
  readonly canary: (Omit<NonNullable<EpochPlan['canary']>, 'tls'> & { tls: PackedTls }) | null;
}

type TlsRows = 'cipher' | 'group' | 'localSignature' | 'peerSignature' | 'secondPeerSignature';

/** A link, packed. */
export type PackedLink =
  | Exclude<LinkSecurity, TlsLink>
  | (Omit<TlsLink, TlsRows> & {
      readonly cipher: string;
      readonly group: string;
      readonly localSignature: string | null;
      readonly peerSignature: string | null;
      readonly secondPeerSignature: string | null;
    });

export function packInForce({ policy, identity, plans }: InForce): PackedInForce {
  const { text, hash } = policy;
  const packed = [...plans].map(([name, { stable, canary }]) => {
    const trial = canary && { ...canary, tls: packTls(canary.tls) };
    return [name, { stable: packTls(stable), canary: trial }] as const;
  });
  const credentials = identity.credentials.map(packCredential);
  return {
    policy: { text, hash },
    identity: { ...identity, credentials },
    plans: new Map(packed),
  };
}

/** @throws Error when this thread reads otherwise what it is given than the one that packed it. */
export function unpackInForce({ policy, identity, plans }: PackedInForce): InForce {
  const unpacked = [...plans].map(([name, { stable, canary }]) => {
    const trial = canary && { ...canary, tls: unpackTls(canary.tls) };
    return [name, { stable: unpackTls(stable), canary: trial }] as const;
  });
  const credentials = identity.credentials.map(unpackCredential);
  return {
    policy: unpackPolicy(policy),
    identity: { ...identity, credentials },
    plans: new Map(unpacked),
  };
}

export function packLink(link: LinkSecurity): PackedLink {
  if (link.kind !== 'tls') return link;
  return {
    ...link,
    cipher: link.cipher.name,
    group: link.group.name,
    localSignature: link.localSignature?.name ?? null,
    peerSignature: link.peerSignature?.name ?? null,
    secondPeerSignature: link.secondPeerSignature?.name ?? null,
  };
}

export function unpackLink(link: PackedLink): LinkSecurity {
  if (link.kind !== 'tls') return link;
  return {
    ...link,
    cipher: known(cipherByName(link.cipher)),
    group: known(groupByName(link.group)),
    localSignature: schemeOrNull(link.localSignature),
    peerSignature: schemeOrNull(link.peerSignature),
    secondPeerSignature: schemeOrNull(link.secondPeerSignature),
  };
}

function unpackPolicy({ text, hash }: PackedInForce['policy']): Policy {
  if (text === null) return denyAllPolicy(hash);
  const reading = readPolicy(text, 'policy');
  if (!reading.ok || reading.policy.hash !== hash) throw new Error('the policy does not read');
  return reading.policy;
}

function packTls({ credentials, profile, ...rest }: ServerTls): PackedTls {
  return { ...rest, credentials: credentials.map(packCredential), profile: packProfile(profile) };
}

function unpackTls({ credentials, profile, ...rest }: PackedTls): ServerTls {
  return {
    ...rest,
    credentials: credentials.map(unpackCredential),
    profile: unpackProfile(profile),
  };
}

function packCredential({ scheme, ...rest }: ServerCredential): PackedCredential {
  return { ...rest, scheme: scheme.name };
}

function unpackCredential({ scheme, ...rest }: PackedCredential): ServerCredential {
  return { ...rest, scheme: known(signatureByName(scheme)) };
}

function packProfile({ name, groupTiers, signatures, ciphers }: Profile): PackedProfile {
  return {
    name,
    groupTiers: groupTiers.map((tier) => tier.map((group) => group.name)),
    signatures: signatures.map((scheme) => scheme.name),
    ciphers: ciphers.map((cipher) => cipher.name),
  };
}

/** The name does not tell what is in it: policy narrows profiles. */
function unpackProfile({ name, groupTiers, signatures, ciphers }: PackedProfile): Profile {
  return {
    name,
    groupTiers: groupTiers.map((tier) => tier.map((group) => known(groupByName(group)))),
    signatures: signatures.map((scheme) => known(signatureByName(scheme))),
    ciphers: ciphers.map((cipher) => known(cipherByName(cipher))),
  };
}

function schemeOrNull(name: string | null): SignatureScheme | null {
  return name === null ? null : known(signatureByName(name));
}

function known<T>(row: T | undefined): T {
  if (row === undefined) throw new Error('the registry has no such row');
  return row;
}
