import type { X509Certificate } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ChainSpec, Holder } from './chains.ts';
import { CA_BUNDLE, CHAINS, filesOf, identityDirOf, schemeOfHolder } from './chains.ts';
import {
  createFile,
  hasCode,
  PRIVATE_MODE,
  PUBLIC_MODE,
  storageFailed,
  syncDirectory,
} from './files.ts';
import type { Issuer } from './issue.ts';
import { issueCertificate } from './issue.ts';
import type { KeyPair } from './keys.ts';
import { generateKeys, privatePem } from './keys.ts';
import { LIFETIME_DAYS, validity } from './lifetimes.ts';
import { formatSpiffeId } from './spiffe.ts';

/** What a new identity is made for. */
export interface NewIdentity {
  readonly trustDomain: string;
  /** DNS names and IP addresses of the gateway's certificate. */
  readonly names: readonly string[];
  readonly nowMs: number;
}

interface NewFile {
  /** Relative to the identity directory. */
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

interface Made extends Issuer {
  readonly certificate: X509Certificate;
  readonly files: readonly NewFile[];
}

const UNFINISHED = 'identity.new-';

/**
 * Makes a gateway's keys and certificates and puts them into place in one step, by renaming a
 * finished directory.
 *
 * @returns whether this call's identity is the one in place; `false` when another process was first.
 * @throws StorageFailed
 */
export async function createIdentity(stateDir: string, wanted: NewIdentity): Promise<boolean> {
  const files = await makeFiles(wanted);
  try {
    return await publish(stateDir, files);
  } catch (cause) {
    throw storageFailed(stateDir, cause);
  }
}

/**
 * Removes what unfinished attempts left behind. Only for when an identity is in place: an attempt
 * still under way in another process has then lost anyway, and finds out by itself.
 *
 * @throws StorageFailed
 */
export async function removeUnfinished(stateDir: string): Promise<void> {
  try {
    for (const name of await readdir(stateDir)) {
      if (name.startsWith(UNFINISHED)) await removeTree(join(stateDir, name));
    }
  } catch (cause) {
    throw storageFailed(stateDir, cause);
  }
}

async function makeFiles(wanted: NewIdentity): Promise<readonly NewFile[]> {
  const files: NewFile[] = [];
  const roots: string[] = [];
  for (const spec of CHAINS) {
    const root = await make(spec, 'root', wanted, null);
    const issuing = await make(spec, 'issuing', wanted, root);
    const gateway = await make(spec, 'gateway', wanted, issuing);
    files.push(...root.files, ...issuing.files, ...gateway.files);
    roots.push(root.certificate.toString());
  }
  return [...files, { path: CA_BUNDLE, text: roots.join(''), mode: PUBLIC_MODE }];
}

async function make(
  spec: ChainSpec,
  holder: Holder,
  wanted: NewIdentity,
  issuer: Issuer | null,
): Promise<Made> {
  const scheme = schemeOfHolder(spec, holder);
  const keys = generateKeys(scheme);
  const certificate = await issueCertificate(
    {
      role: holder,
      commonName: `Postern ${scheme.name} ${holder}`,
      publicKey: keys.publicKey,
      ...subjectNames(holder, wanted),
      ...validity(wanted.nowMs, LIFETIME_DAYS[holder]),
    },
    issuer ?? { certificate: null, key: keys.privateKey },
  );
  return { certificate, key: keys.privateKey, files: filesFor(spec, holder, certificate, keys) };
}

function subjectNames(
  holder: Holder,
  wanted: NewIdentity,
): { spiffeId: string; names: readonly string[] } {
  if (holder !== 'gateway') return { spiffeId: formatSpiffeId(wanted.trustDomain), names: [] };
  return { spiffeId: formatSpiffeId(wanted.trustDomain, 'gateway'), names: wanted.names };
}

function filesFor(
  spec: ChainSpec,
  holder: Holder,
  certificate: X509Certificate,
  keys: KeyPair,
): readonly NewFile[] {
  const paths = filesOf(spec, holder);
  return [
    { path: paths.key, text: privatePem(keys.privateKey), mode: PRIVATE_MODE },
    { path: paths.certificate, text: certificate.toString(), mode: PUBLIC_MODE },
  ];
}

async function publish(stateDir: string, files: readonly NewFile[]): Promise<boolean> {
  const unfinished = await mkdtemp(join(stateDir, UNFINISHED));
  try {
    await writeTree(unfinished, files);
    // Fails when the identity exists: a directory with entries is never replaced by a rename.
    await rename(unfinished, identityDirOf(stateDir));
    await syncDirectory(stateDir);
    return true;
  } catch (cause) {
    await removeTree(unfinished);
    // ENOENT: the winner of a race has cleaned up after itself and taken this attempt with it.
    if (hasCode(cause, 'EEXIST', 'ENOTEMPTY', 'ENOTDIR', 'ENOENT')) return false;
    throw cause;
  }
}

async function writeTree(directory: string, files: readonly NewFile[]): Promise<void> {
  const inner = new Set(files.map((file) => dirname(file.path)).filter((path) => path !== '.'));
  for (const path of inner) await mkdir(join(directory, path), { mode: 0o700 });
  for (const file of files) await createFile(join(directory, file.path), file.text, file.mode);
  for (const path of inner) await syncDirectory(join(directory, path));
  await syncDirectory(directory);
}

/** Retries, because an attempt under way may add a file while its directory is being removed. */
function removeTree(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });
}
