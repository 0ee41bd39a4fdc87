/**
 * The revocation lists that verifiers other than this gateway can use, one for each authority:
 * OpenSSL wants one of every issuer in a chain (X509_V_FLAG_CRL_CHECK_ALL).
 */
import type { Stats } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectories } from '#lib';
import type { Authorities, AuthorityPair } from '../authorities.ts';
import { PUBLIC_MODE, replaceFile, storageFailed } from '../files.ts';
import { identityDirOf } from '../layout.ts';
import { daysMs } from '../lifetimes.ts';
import { exists } from '../state-dir.ts';
import { nextUpdateOf, signCrl } from './crl.ts';
import { readRevoked, revokedFileOf } from './revoked-file.ts';

const DIRECTORY = 'crl';
const NUMBER = 'number';

/** From one list to the next; that of a root is made by hand when the root lives offline. */
const LIFETIME_MS = { issuing: daysMs(7), root: daysMs(365) } as const;
/** A list is made anew after this part of its life. */
const DUE_AFTER = 1 / 3;

/** A list as it stands on disk. */
export interface PublishedCrl {
  readonly file: string;
  /** Milliseconds since the epoch. */
  readonly nextUpdateMs: number;
}

interface List {
  readonly file: string;
  readonly issuer: AuthorityPair;
  readonly lifetimeMs: number;
  /** The chain whose revoked certificates it names; none of a root was ever revoked. */
  readonly chain: string | null;
}

/** Whether a list is absent, soon too old, or older than what it should say. */
export async function areCrlsDue(
  stateDir: string,
  authorities: Authorities,
  nowMs: number,
): Promise<boolean> {
  const revoked = await statOf(revokedFileOf(stateDir));
  for (const { file, lifetimeMs } of listsOf(authorities)) {
    const made = await statOf(join(directoryOf(stateDir), file));
    const ageMs = nowMs - (made?.mtimeMs ?? 0);
    const unsaid = made !== null && revoked !== null && revoked.mtimeMs > made.mtimeMs;
    // A list from the future was made before the clock was set back.
    if (unsaid || ageMs > lifetimeMs * DUE_AFTER || ageMs < -daysMs(1)) return true;
  }
  return false;
}

/**
 * Makes every list anew whose issuer's key is at hand. Only under the lock of the state directory.
 *
 * @throws StorageFailed, or what reading the revoked certificates throws.
 */
export async function publishCrls(
  stateDir: string,
  authorities: Authorities,
  nowMs: number,
): Promise<void> {
  await publish(stateDir, listsOf(authorities), nowMs);
}

/**
 * Makes the last lists of authorities that a change retires, and whose keys it destroys: good for as
 * long as what they issued. Only under the lock of the state directory.
 *
 * @throws what {@link publishCrls} throws.
 */
export async function publishLastCrls(
  stateDir: string,
  before: Authorities,
  after: Authorities,
  nowMs: number,
): Promise<void> {
  const staying = new Set(
    after.chains.flatMap(({ root, issuing }) => [printOf(root), printOf(issuing)]),
  );
  const lists = listsOf(before).filter(({ issuer }) => !staying.has(printOf(issuer)));
  const last = lists.map(({ file, issuer, chain }): List => ({
    file: file.replace('.crl', `-${printOf(issuer).slice(0, 8)}.crl`),
    issuer,
    lifetimeMs: issuer.certificate.validToDate.getTime() - nowMs,
    chain,
  }));
  const useful = last.filter(({ lifetimeMs }) => lifetimeMs > 0);
  if (useful.length > 0) await publish(stateDir, useful, nowMs);
}

/** The lists on disk, by name of file. @throws StorageFailed */
export async function readCrls(stateDir: string): Promise<readonly PublishedCrl[]> {
  const directory = directoryOf(stateDir);
  if (!(await exists(directory))) return [];
  const lists: PublishedCrl[] = [];
  for (const name of (await readdir(directory)).toSorted()) {
    const file = join(directory, name);
    if (!name.endsWith('.crl')) continue;
    const nextUpdateMs = await nextUpdateOf(await readFile(file, 'utf8')).catch(() => 0);
    lists.push({ file, nextUpdateMs });
  }
  return lists;
}

async function publish(stateDir: string, lists: readonly List[], nowMs: number): Promise<void> {
  const directory = directoryOf(stateDir);
  await makeDirectories(directory, 0o700).catch((cause: unknown) => {
    throw storageFailed(directory, cause);
  });
  const revoked = await readRevoked(stateDir);
  const number = await nextNumber(directory, nowMs);
  for (const { file, issuer, lifetimeMs, chain } of lists) {
    const entries = revoked.filter((entry) => chain !== null && entry.chain === chain);
    const pem = await signCrl(issuer, { entries, number, nowMs, lifetimeMs });
    await replaceFile(join(directory, file), pem, PUBLIC_MODE);
  }
}

/**
 * Counts on from the number before; from the time in seconds when that is lost, which is ahead of any
 * count.
 */
async function nextNumber(directory: string, nowMs: number): Promise<number> {
  const path = join(directory, NUMBER);
  const before = Number(await readFile(path, 'utf8').catch(() => '0'));
  const next = Math.max(Number.isSafeInteger(before) ? before + 1 : 0, Math.floor(nowMs / 1000));
  await replaceFile(path, `${next}\n`, PUBLIC_MODE);
  return next;
}

function listsOf({ chains }: Authorities): readonly List[] {
  return chains.flatMap(({ spec: { name }, root, issuing }) => {
    const lists: List[] = [
      { file: `${name}.crl`, issuer: issuing, lifetimeMs: LIFETIME_MS.issuing, chain: name },
    ];
    const { certificate, key } = root;
    if (key !== null) {
      const issuer = { certificate, key };
      lists.push({ file: `${name}-root.crl`, issuer, lifetimeMs: LIFETIME_MS.root, chain: null });
    }
    return lists;
  });
}

function printOf({ certificate }: Pick<AuthorityPair, 'certificate'>): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase();
}

async function statOf(path: string): Promise<Stats | null> {
  return stat(path).catch(() => null);
}

function directoryOf(stateDir: string): string {
  return join(identityDirOf(stateDir), DIRECTORY);
}
