import type { X509Certificate } from 'node:crypto';
import { IdentityMissing } from './errors.ts';
import type { StoredIdentity } from './load-identity.ts';
import { loadIdentity } from './load-identity.ts';
import { readLedger } from './revocation/ledger.ts';
import type { PublishedCrl } from './revocation/publish.ts';
import { readCrls } from './revocation/publish.ts';
import { readRevoked } from './revocation/revoked-file.ts';
import type { LedgerEntry, RevokedEntry } from './revocation/schemas.ts';
import type { RotationTimes } from './rotation/due.ts';
import { rotationTimes } from './rotation/due.ts';

/** An authority as a person wants to see it. */
export interface AuthorityStatus {
  readonly name: string;
  readonly kind: 'root' | 'issuing' | 'previous root';
  /** Algorithm with which it was signed, by X.509 name. */
  readonly signature: string;
  readonly notAfterMs: number;
  /** Where its private key is; `none` for a root before the last rotation. */
  readonly key: 'here' | 'offline' | 'none';
}

/** A client's certificate, with why it was revoked, if it was. */
export interface ClientCertificate {
  readonly entry: LedgerEntry;
  readonly revoked: RevokedEntry['reason'] | null;
}

/** Everything that a state directory holds of an identity. */
export interface IdentityStatus {
  readonly trustDomain: string;
  readonly generation: string;
  readonly authorities: readonly AuthorityStatus[];
  readonly rotation: RotationTimes;
  readonly crls: readonly PublishedCrl[];
  /** Unexpired ones, by name and then by end. */
  readonly clients: readonly ClientCertificate[];
  readonly revoked: number;
}

/**
 * Looks at all of an identity.
 *
 * @throws IdentityMissing, and what reading the identity, its ledger and its revocations throws.
 */
export async function identityStatus(stateDir: string): Promise<IdentityStatus> {
  const stored = await loadIdentity(stateDir, Date.now());
  if (stored === null) throw new IdentityMissing(`${stateDir} holds no identity`);
  return {
    trustDomain: stored.trustDomain,
    generation: stored.generation,
    authorities: authoritiesOf(stored),
    rotation: rotationTimes(stored, Infinity),
    crls: await readCrls(stateDir),
    clients: await listClients(stateDir),
    revoked: (await readRevoked(stateDir)).length,
  };
}

/**
 * The clients' certificates that have not expired, by name and then by end.
 *
 * @throws what reading the ledger and the revocations throws.
 */
export async function listClients(stateDir: string): Promise<readonly ClientCertificate[]> {
  const now = new Date().toISOString();
  const revoked = await readRevoked(stateDir);
  const reasons = new Map(revoked.map((entry) => [entry.fingerprint256, entry.reason]));
  const entries = (await readLedger(stateDir)).filter(({ not_after: end }) => end >= now);
  return entries
    .toSorted((a, b) => compare(a.name, b.name) || compare(a.not_after, b.not_after))
    .map((entry) => ({ entry, revoked: reasons.get(entry.fingerprint256) ?? null }));
}

function authoritiesOf({ chains, previousRoots }: StoredIdentity): readonly AuthorityStatus[] {
  return [
    ...chains.flatMap(({ root, issuing }) => [
      describe(root.certificate, 'root', root.key === null ? 'offline' : 'here'),
      describe(issuing.certificate, 'issuing', 'here'),
    ]),
    ...previousRoots.map((root) => describe(root, 'previous root', 'none')),
  ];
}

function describe(
  certificate: X509Certificate,
  kind: AuthorityStatus['kind'],
  key: AuthorityStatus['key'],
): AuthorityStatus {
  return {
    name: /CN=(.*)/.exec(certificate.subject)?.[1] ?? certificate.subject,
    kind,
    signature: certificate.signatureAlgorithm ?? 'unknown',
    notAfterMs: certificate.validToDate.getTime(),
    key,
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
