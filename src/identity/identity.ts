import type { X509Certificate } from 'node:crypto';
import type { SignatureScheme } from '#crypto';
import { createIdentity, removeUnfinished } from './create-identity.ts';
import { StorageFailed, TrustDomainChanged } from './errors.ts';
import { gatewayNames, namesMissingIn } from './gateway-names.ts';
import type { StoredChain, StoredIdentity } from './load-identity.ts';
import { loadIdentity } from './load-identity.ts';
import { formatSpiffeId, parseTrustDomain } from './spiffe.ts';
import { openStateDir } from './state-dir.ts';

/** A key and the certificates that a TLS server shows with it. */
export interface ServerCredential {
  /** PKCS#8 PEM. */
  readonly keyPem: string;
  /** PEM of the leaf, then of the issuing CA. */
  readonly chainPem: string;
  readonly leaf: X509Certificate;
  /** With what the key signs. */
  readonly scheme: SignatureScheme;
}

/** Who the gateway is. */
export interface GatewayIdentity {
  readonly trustDomain: string;
  /** `spiffe://<trust domain>/gateway`. */
  readonly spiffeId: string;
  /** ML-DSA first, then ECDSA for peers that cannot verify ML-DSA. */
  readonly credentials: readonly ServerCredential[];
  /** PEM of both roots: what clients pin, and what client certificates are verified against. */
  readonly caPem: string;
  /** Path of a file with {@link caPem}, for clients. */
  readonly caFile: string;
  /** Wanted names that the existing certificates lack: peers that use them will refuse the gateway. */
  readonly missingNames: readonly string[];
  /** This call made the identity: the first start. */
  readonly created: boolean;
}

/** What the identity must be good for. */
interface WantedIdentity {
  /** Name of the SPIFFE trust domain, `example.org`. */
  readonly trustDomain: string;
  /** DNS names and IP addresses by which clients reach the gateway; local ones are always added. */
  readonly names: readonly string[];
}

/**
 * The gateway's identity: made on the first start, loaded and verified on each later one, never
 * overwritten. Of processes that start at the same time one makes it and all use it.
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
  const { stored, created } = await loadOrCreate(directory, trustDomain, names);
  if (stored.trustDomain !== trustDomain) throw domainChanged(stored.trustDomain, trustDomain);
  await removeUnfinished(directory);
  return {
    trustDomain,
    spiffeId: formatSpiffeId(trustDomain, 'gateway'),
    credentials: stored.chains.map(credentialOf),
    caPem: stored.caPem,
    caFile: stored.caFile,
    missingNames: missingIn(stored.chains, names),
    created,
  };
}

async function loadOrCreate(
  directory: string,
  trustDomain: string,
  names: readonly string[],
): Promise<{ stored: StoredIdentity; created: boolean }> {
  const nowMs = Date.now();
  const existing = await loadIdentity(directory, nowMs);
  if (existing !== null) return { stored: existing, created: false };
  const created = await createIdentity(directory, { trustDomain, names, nowMs });
  // Read back in either case: what the next start will find is what this one uses.
  const stored = await loadIdentity(directory, nowMs);
  if (stored !== null) return { stored, created };
  throw new StorageFailed(`the identity in ${directory} vanished while it was being made`);
}

function credentialOf({ spec, gateway, issuing }: StoredChain): ServerCredential {
  return {
    scheme: spec.leaf,
    keyPem: gateway.keyPem,
    chainPem: gateway.certificate.toString() + issuing.certificate.toString(),
    leaf: gateway.certificate,
  };
}

function missingIn(chains: readonly StoredChain[], names: readonly string[]): readonly string[] {
  return [...new Set(chains.flatMap((chain) => namesMissingIn(chain.gateway.certificate, names)))];
}

function domainChanged(stored: string, wanted: string): Error {
  return new TrustDomainChanged(
    `the stored identity is of trust domain "${stored}", not "${wanted}"`,
    { details: { stored, wanted } },
  );
}
