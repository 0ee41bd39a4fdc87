import { X509Certificate } from 'node:crypto';
import { signatureOfKey } from '#crypto';
import { certificatesIn } from '../pem.ts';
import { Tokens } from '../enrol/tokens.ts';
import { CertificateUnknown, CertificateUnreadable, IdentityMissing } from '../errors.ts';
import { isIssuedBy } from '../issued-by.ts';
import type { StoredIdentity } from '../load-identity.ts';
import { loadIdentity } from '../load-identity.ts';
import { withStateLock } from '../lock.ts';
import { spiffeIdOfCertificate } from '../spiffe.ts';
import { openStateDir } from '../state-dir.ts';
import { readLedger } from './ledger.ts';
import { areCrlsDue, publishCrls } from './publish.ts';
import type { RevocationReason } from './reasons.ts';
import { readRevoked, writeRevoked } from './revoked-file.ts';
import type { LedgerEntry, RevokedEntry } from './schemas.ts';

/** Which certificates to revoke. */
export type RevocationTarget =
  | { readonly kind: 'name' | 'serial' | 'fingerprint'; readonly value: string }
  /** PEM or DER. */
  | { readonly kind: 'certificate'; readonly value: Buffer };

/** What came of it. */
export interface Revocation {
  readonly revoked: readonly RevokedEntry[];
  /** Those that had been revoked before. */
  readonly already: readonly RevokedEntry[];
}

/**
 * Revokes certificates: gateways on this state directory refuse them from now on, and the published
 * lists name those of this gateway's authorities. With a name its tokens for enrolment go too.
 *
 * @throws CertificateUnknown when a name or serial number stands for nothing, CertificateUnreadable,
 *   IdentityMissing, StateBusy, StorageFailed, or what reading the identity and its ledger throws.
 */
export async function revoke(
  stateDir: string,
  target: RevocationTarget,
  reason: RevocationReason,
): Promise<Revocation> {
  const directory = await openStateDir(stateDir);
  return withStateLock(directory, async () => {
    const stored = await loadIdentity(directory, Date.now());
    if (stored === null) throw new IdentityMissing(`${directory} holds no identity`);
    const before = await readRevoked(directory);
    const meant = await entriesFor(directory, stored, target, reason);
    if (target.kind === 'name') await new Tokens(directory).withdraw(target.value);
    const known = new Set(before.map(({ fingerprint256 }) => fingerprint256));
    const revoked = meant.filter(({ fingerprint256 }) => !known.has(fingerprint256));
    const prints = new Set(meant.map(({ fingerprint256 }) => fingerprint256));
    if (revoked.length > 0) await writeRevoked(directory, [...before, ...revoked]);
    const nowMs = Date.now();
    // Due after a call that was killed half way, too.
    if (revoked.length > 0 || (await areCrlsDue(directory, stored, nowMs))) {
      await publishCrls(directory, stored, nowMs);
    }
    return { revoked, already: before.filter((entry) => prints.has(entry.fingerprint256)) };
  });
}

async function entriesFor(
  stateDir: string,
  stored: StoredIdentity,
  target: RevocationTarget,
  reason: RevocationReason,
): Promise<readonly RevokedEntry[]> {
  const revoked_at = new Date().toISOString();
  switch (target.kind) {
    case 'name':
    case 'serial': {
      const wanted = target.kind === 'serial' ? serialOf(target.value) : target.value;
      const entries = await unexpired(stateDir);
      const found = entries.filter((entry) => entry[target.kind as 'name' | 'serial'] === wanted);
      if (found.length > 0) return found.map((entry) => fromLedger(entry, reason, revoked_at));
      throw new CertificateUnknown(`no certificate with ${target.kind} "${wanted.slice(0, 80)}"`);
    }
    case 'fingerprint': {
      const fingerprint256 = fingerprintOf(target.value);
      const issued = await issuedWith(stateDir, fingerprint256);
      if (issued !== undefined) return [fromLedger(issued, reason, revoked_at)];
      const unknown = { serial: null, chain: null, name: null, not_after: null };
      return [{ fingerprint256, ...unknown, reason, revoked_at }];
    }
    case 'certificate': {
      const certificate = parse(target.value);
      const issued = await issuedWith(stateDir, certificate.fingerprint256);
      if (issued !== undefined) return [fromLedger(issued, reason, revoked_at)];
      const chain = ownChainOf(certificate, certificatesBeside(target.value), stored);
      return [fromCertificate(certificate, chain, reason, revoked_at)];
    }
  }
}

function fromLedger(
  { fingerprint256, serial, chain, name, not_after }: LedgerEntry,
  reason: RevocationReason,
  revoked_at: string,
): RevokedEntry {
  return { fingerprint256, serial, chain, name, reason, revoked_at, not_after };
}

/** One that the ledger lacks: of another authority, or from before the ledger was lost. */
function fromCertificate(
  certificate: X509Certificate,
  chain: string | null,
  reason: RevocationReason,
  revoked_at: string,
): RevokedEntry {
  const name = spiffeIdOfCertificate(certificate) ?? certificate.subject.replaceAll('\n', ', ');
  return {
    fingerprint256: certificate.fingerprint256,
    serial: chain === null ? null : certificate.serialNumber,
    chain,
    name: name.slice(0, 256),
    reason,
    revoked_at,
    not_after: certificate.validToDate.toISOString(),
  };
}

/**
 * The chain that a certificate is of, `null` for those of other authorities. An issuing CA of before
 * stands beside what it issued, and below a trusted root.
 */
function ownChainOf(
  certificate: X509Certificate,
  beside: readonly X509Certificate[],
  { chains, previousRoots }: StoredIdentity,
): string | null {
  const roots = [...chains.map(({ root }) => root.certificate), ...previousRoots];
  const former = beside.filter((each) => each.ca && roots.some((root) => isIssuedBy(each, root)));
  const own = chains.find(({ spec, issuing }) => {
    const kin = former.filter((each) => signatureOfKey(each.publicKey) === spec.issuing);
    return [issuing.certificate, ...kin].some((issuer) => isIssuedBy(certificate, issuer));
  });
  return own?.spec.name ?? null;
}

async function unexpired(stateDir: string): Promise<readonly LedgerEntry[]> {
  const now = new Date().toISOString();
  return (await readLedger(stateDir)).filter(({ not_after: end }) => end >= now);
}

async function issuedWith(
  stateDir: string,
  fingerprint256: string,
): Promise<LedgerEntry | undefined> {
  return (await readLedger(stateDir)).find((entry) => entry.fingerprint256 === fingerprint256);
}

/** The other certificates of a PEM file. */
function certificatesBeside(bytes: Buffer): readonly X509Certificate[] {
  return readable(() => certificatesIn(bytes.toString('latin1')).slice(1));
}

function parse(bytes: Buffer): X509Certificate {
  return readable(() => new X509Certificate(bytes));
}

function readable<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new CertificateUnreadable('the file holds no certificate', { cause });
  }
}

/** Upper-case pairs with colons, from any usual way to write a SHA-256 fingerprint. */
function fingerprintOf(text: string): string {
  const digits = text.replace(/^sha256 fingerprint=/i, '').replaceAll(':', '');
  if (!/^[0-9a-f]{64}$/i.test(digits)) {
    throw new CertificateUnreadable('a SHA-256 fingerprint has 64 hexadecimal digits');
  }
  return (digits.toUpperCase().match(/../g) ?? []).join(':');
}

/** As Node prints it: upper case, without the leading zeros that OpenSSL keeps in places. */
function serialOf(text: string): string {
  const digits = text.replace(/^(serial=|0x)/i, '').replaceAll(':', '');
  if (/^[0-9a-f]{1,42}$/i.test(digits)) return normalSerial(digits);
  throw new CertificateUnreadable('a serial number is hexadecimal, of at most 20 bytes');
}

function normalSerial(digits: string): string {
  return digits.toUpperCase().replace(/^(00)+(?=..)/, '');
}
