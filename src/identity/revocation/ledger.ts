/** What was issued to clients: one line a certificate, so that a name can be revoked. */
import type { X509Certificate } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { parseJson } from '#lib';
import type { PeerCertificate } from '#crypto';
import { CertificateNotRenewable, LedgerFull, LedgerInvalid } from '../errors.ts';
import { PRIVATE_MODE, readIdentityFile, replaceFile, storageFailed } from '../files.ts';
import { identityDirOf } from '../layout.ts';
import { withStateLock } from '../lock.ts';
import { exists } from '../state-dir.ts';
import { readRevoked } from './revoked-file.ts';
import type { LedgerEntry, RevokedEntry } from './schemas.ts';

/** The certificate that a renewal is for. */
export type Predecessor = Pick<PeerCertificate, 'fingerprint256' | 'serialNumber'>;

const LEDGER = 'issued.jsonl';

const MIB = 1024 * 1024;
/** Some 80,000 certificates that have not expired. */
const MAX_LEDGER_BYTES = 32 * MIB;

/**
 * Enters a client's certificate, before it is given out.
 *
 * @param predecessor is what it renews; `null` for a first certificate.
 * @throws CertificateNotRenewable, LedgerFull, StateBusy, StateFileUnsafe, StorageFailed, LedgerInvalid
 *   or RevocationsInvalid.
 */
export async function enterIssued(
  stateDir: string,
  chain: string,
  name: string,
  spiffeId: string,
  certificate: X509Certificate,
  predecessor: Predecessor | null,
): Promise<void> {
  const line = lineOf({
    name,
    spiffe_id: spiffeId,
    serial: certificate.serialNumber,
    chain,
    fingerprint256: certificate.fingerprint256,
    not_before: certificate.validFromDate.toISOString(),
    not_after: certificate.validToDate.toISOString(),
    issued_at: new Date().toISOString(),
  });
  await withStateLock(stateDir, async () => {
    const path = pathOf(stateDir);
    // Under the lock, so that no revocation comes between this look and the entry.
    if (predecessor !== null) await refuseNotRenewable(stateDir, path, predecessor);
    const size = await append(path, line).catch(async (thrown: unknown) => {
      if (!(thrown instanceof LedgerFull)) throw thrown;
      await dropExpired(stateDir, path);
      return append(path, line);
    });
    // Once a mebibyte, so that the work does not grow with every certificate.
    if (Math.floor(size / MIB) !== Math.floor((size - line.length) / MIB)) {
      await dropExpired(stateDir, path);
    }
  });
}

/**
 * Only what the ledger has is renewed: a certificate of another authority must not become one of this
 * gateway's, nor one that revoking its name would miss.
 */
async function refuseNotRenewable(
  stateDir: string,
  path: string,
  { fingerprint256, serialNumber }: Predecessor,
): Promise<void> {
  const text = (await exists(path))
    ? await readIdentityFile(path, 'private', MAX_LEDGER_BYTES)
    : '';
  if (!text.includes(`"${fingerprint256}"`)) {
    throw new CertificateNotRenewable('the certificate to renew was not issued by this gateway');
  }
  const revoked = await readRevoked(stateDir);
  const isMeant = (each: RevokedEntry): boolean =>
    each.fingerprint256 === fingerprint256 || each.serial === serialNumber;
  if (revoked.some(isMeant)) {
    throw new CertificateNotRenewable('the certificate to renew was revoked');
  }
}

/**
 * Every certificate in the ledger, oldest first; those that have expired may be missing. A last line
 * that a crash cut short counts for nothing: its certificate was not given out.
 *
 * @throws StateFileUnsafe, StorageFailed or LedgerInvalid.
 */
export async function readLedger(stateDir: string): Promise<readonly LedgerEntry[]> {
  const path = pathOf(stateDir);
  if (!(await exists(path))) return [];
  const text = await readIdentityFile(path, 'private', MAX_LEDGER_BYTES);
  const { ledgerEntry } = await import('./schemas.ts');
  const parse = (line: string, index: number): LedgerEntry => {
    try {
      return ledgerEntry.parse(parseJson(line));
    } catch (cause) {
      throw new LedgerInvalid(`line ${index + 1} of ${path} is no entry`, { cause });
    }
  };
  return text
    .split('\n')
    .slice(0, -1)
    .map((line, index) => parse(line, index));
}

async function append(path: string, line: string): Promise<number> {
  const handle = await open(path, 'a+', PRIVATE_MODE).catch((cause: unknown) => {
    throw storageFailed(path, cause);
  });
  try {
    const { size } = await handle.stat();
    const whole = await wholeLines(handle, size);
    if (whole + line.length > MAX_LEDGER_BYTES) throw new LedgerFull(`${path} is full`);
    if (whole < size) await handle.truncate(whole);
    await handle.writeFile(line);
    await handle.sync();
    return whole + line.length;
  } catch (cause) {
    throw cause instanceof LedgerFull ? cause : storageFailed(path, cause);
  } finally {
    await handle.close();
  }
}

/** Where the last whole line ends. */
async function wholeLines(handle: FileHandle, size: number): Promise<number> {
  const tail = Buffer.alloc(Math.min(size, 8192));
  await handle.read(tail, 0, tail.length, size - tail.length);
  return tail.length === 0 ? 0 : size - tail.length + tail.lastIndexOf(0x0a) + 1;
}

async function dropExpired(stateDir: string, path: string): Promise<void> {
  const now = new Date().toISOString();
  const entries = await readLedger(stateDir);
  const kept = entries.filter((entry) => entry.not_after >= now);
  if (kept.length < entries.length) {
    await replaceFile(path, kept.map((entry) => lineOf(entry)).join(''), PRIVATE_MODE);
  }
}

function lineOf(entry: LedgerEntry): string {
  return `${JSON.stringify(entry)}\n`;
}

function pathOf(stateDir: string): string {
  return join(identityDirOf(stateDir), LEDGER);
}
