import { X509Certificate } from 'node:crypto';
import type { SignatureScheme } from '#crypto';
import { PosternError } from '#lib';
import { chainPemOf } from './authorities.ts';
import { createIdentity, removeUnfinished } from './create-identity.ts';
import { IdentityMissing, StorageFailed, TrustDomainChanged } from './errors.ts';
import type { GatewayLeaf } from './gateway-leaves.ts';
import { gatewayNames } from './gateway-names.ts';
import type { StoredChain, StoredIdentity } from './load-identity.ts';
import { loadIdentity } from './load-identity.ts';
import type { RotationTimes } from './rotation/due.ts';
import { rotationTimes } from './rotation/due.ts';
import { formatSpiffeId, parseTrustDomain } from './spiffe.ts';
import { openStateDir } from './state-dir.ts';
import { isUpkeepDue } from './upkeep.ts';
import { Workshop } from './workshop.ts';

/** A key and the certificates that a TLS server shows with it. */
export interface ServerCredential {
  /** With what the key signs. */
  readonly scheme: SignatureScheme;
  /** PKCS#8 PEM; it is in memory alone. */
  readonly keyPem: string;
  /** PEM of the leaf, of the issuing CA and, after a rotation of the roots, of the cross-certificate. */
  readonly chainPem: string;
  readonly leaf: X509Certificate;
}

/** Who the gateway is. */
export interface GatewayIdentity {
  readonly trustDomain: string;
  /** `spiffe://<trust domain>/gateway`. */
  readonly spiffeId: string;
  /** One for each chain: ML-DSA first, ECDSA for peers that cannot verify it last. */
  readonly credentials: readonly ServerCredential[];
  /** PEM of all roots: what clients pin, and what client certificates are verified against. */
  readonly caPem: string;
  /** Path of a file with {@link caPem}, for clients. */
  readonly caFile: string;
  /** The authorities behind the credentials, roots and issuing CAs. */
  readonly authorities: readonly X509Certificate[];
  /** When the first of the credentials ends, in milliseconds since the epoch. */
  readonly notAfterMs: number;
  /** Changes with every change of the authorities. */
  readonly generation: string;
  /** When the authorities have to be replaced, and whether that can be done without anybody's help. */
  readonly rotation: RotationTimes & { readonly rootKeysHere: boolean };
  /** This call made the authorities: the first start. */
  readonly created: boolean;
}

/** What the identity must be good for. */
export interface WantedIdentity {
  /** Name of the SPIFFE trust domain, `example.org`. */
  readonly trustDomain: string;
  /** DNS names and IP addresses by which clients reach the gateway; local ones are always added. */
  readonly names: readonly string[];
  /** Of the gateway's own certificates; an issuing CA's end comes first. */
  readonly lifetimeMs: number;
  /** Age at which issuing CAs are replaced; half of their life unless that is later. */
  readonly issuingMaxAgeMs?: number;
}

/** A rotation between two readings is rare, several in a row are absurd. */
const MAX_LOOKS = 4;

/**
 * The gateway's identity: its authorities are made on the first start, loaded and verified on each
 * later one, never overwritten; its own keys and certificates are made anew on each call and are on
 * no disk. Of processes that start at the same time one makes the authorities and all use them.
 *
 * @throws SpiffeIdInvalid, GatewayNameInvalid, StateDirUnsafe, StateFileUnsafe, StorageFailed,
 *   IdentityDamaged, IdentityExpired or TrustDomainChanged.
 */
export async function ensureIdentity(
  stateDir: string,
  wanted: WantedIdentity,
): Promise<GatewayIdentity> {
  const trustDomain = parseTrustDomain(wanted.trustDomain);
  const names = gatewayNames(wanted.names);
  const directory = await openStateDir(stateDir);
  const workshop = new Workshop();
  try {
    const { lifetimeMs } = wanted;
    for (let look = 1; look <= MAX_LOOKS; look += 1) {
      const { stored, created } = await loadOrCreate(directory, trustDomain, workshop);
      if (stored.trustDomain !== trustDomain) throw domainChanged(stored.trustDomain, trustDomain);
      await removeUnfinished(directory);
      await doUpkeep(directory, stored, workshop);
      const leaf = { names, lifetimeMs, nowMs: Date.now() };
      const { generation, leaves } = await workshop.leaves(directory, leaf);
      if (generation === stored.generation) {
        return identityOf(stored, wanted.issuingMaxAgeMs ?? Infinity, leaves, created);
      }
    }
    throw new StorageFailed(`the authorities in ${directory} change all the time`);
  } finally {
    workshop.close();
  }
}

/**
 * The authorities in a state directory, verified.
 *
 * @throws IdentityMissing when there are none, and what {@link ensureIdentity} throws for bad ones.
 */
export async function readAuthorities(stateDir: string): Promise<readonly X509Certificate[]> {
  const stored = await loadIdentity(stateDir, Date.now());
  if (stored === null) throw new IdentityMissing(`${stateDir} holds no identity`);
  return authoritiesOf(stored);
}

async function loadOrCreate(
  directory: string,
  trustDomain: string,
  workshop: Workshop,
): Promise<{ stored: StoredIdentity; created: boolean }> {
  const nowMs = Date.now();
  const existing = await loadIdentity(directory, nowMs);
  if (existing !== null) return { stored: existing, created: false };
  const created = await createIdentity(directory, { trustDomain, nowMs }, workshop);
  // Read back in either case: what the next start will find is what this one uses.
  const stored = await loadIdentity(directory, nowMs);
  if (stored !== null) return { stored, created };
  throw new StorageFailed(`the identity in ${directory} vanished while it was being made`);
}

/** What fails is no reason not to start: whoever keeps the identity tries it again, and tells. */
async function doUpkeep(
  directory: string,
  stored: StoredIdentity,
  workshop: Workshop,
): Promise<void> {
  try {
    if (await isUpkeepDue(directory, stored)) await workshop.upkeep(directory);
  } catch (thrown) {
    if (!(thrown instanceof PosternError)) throw thrown;
  }
}

function identityOf(
  stored: StoredIdentity,
  issuingMaxAgeMs: number,
  leaves: readonly GatewayLeaf[],
  created: boolean,
): GatewayIdentity {
  const credentials = stored.chains.map((chain) => credentialOf(chain, leaves));
  return {
    trustDomain: stored.trustDomain,
    spiffeId: formatSpiffeId(stored.trustDomain, 'gateway'),
    credentials,
    caPem: stored.caPem,
    caFile: stored.caFile,
    authorities: authoritiesOf(stored),
    notAfterMs: Math.min(...credentials.map(({ leaf }) => leaf.validToDate.getTime())),
    generation: stored.generation,
    rotation: { ...rotationTimes(stored, issuingMaxAgeMs), rootKeysHere: hasRootKeys(stored) },
    created,
  };
}

function hasRootKeys({ chains }: StoredIdentity): boolean {
  return chains.every(({ root }) => root.key !== null);
}

function credentialOf(chain: StoredChain, leaves: readonly GatewayLeaf[]): ServerCredential {
  const { spec } = chain;
  const made = leaves.find((leaf) => leaf.chain === spec.name);
  if (made === undefined) throw new Error(`no certificate was made for chain ${spec.name}`);
  return {
    scheme: spec.leaf,
    keyPem: made.keyPem,
    chainPem: chainPemOf(chain, made.certificatePem),
    leaf: new X509Certificate(made.certificatePem),
  };
}

function authoritiesOf({ chains }: StoredIdentity): readonly X509Certificate[] {
  return chains.flatMap(({ root, issuing }) => [root.certificate, issuing.certificate]);
}

function domainChanged(stored: string, wanted: string): Error {
  return new TrustDomainChanged(
    `the stored identity is of trust domain "${stored}", not "${wanted}"`,
    { details: { stored, wanted } },
  );
}
