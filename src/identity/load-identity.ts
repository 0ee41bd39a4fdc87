import type { KeyObject } from 'node:crypto';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { signatureOfKey } from '#crypto';
import type { Authorities, AuthorityChain, AuthorityPair, RootPair } from './authorities.ts';
import { bundleOf } from './authorities.ts';
import type { Authority, ChainSpec } from './chains.ts';
import { CHAINS } from './chains.ts';
import { IdentityDamaged } from './errors.ts';
import { readIdentityFile } from './files.ts';
import { readCurrent } from './generations.ts';
import { CA_BUNDLE, crossFileOf, filesOf, identityDirOf, PREVIOUS_ROOTS } from './layout.ts';
import { exists, refuseUnsafeDirectory } from './state-dir.ts';
import {
  refuseOutOfDate,
  trustDomainOf,
  verifyAuthorities,
  verifyCross,
  verifyRoot,
} from './verify-chain.ts';

/** One chain as stored. */
export type StoredChain = AuthorityChain;

/** The generation in force, verified. */
export interface StoredIdentity extends Authorities {
  /** Name of the generation. */
  readonly generation: string;
  /** PEM of all trusted roots. */
  readonly caPem: string;
  /** Path of the file for clients that has {@link caPem}, once it was brought up to date. */
  readonly caFile: string;
}

/** Whose dates have to be right: an expired issuing CA can still be replaced. */
type DatesOf = 'all' | 'roots';

/** A rotation takes seconds, so a second one during the same reading is unlikely, a third absurd. */
const MAX_LOOKS = 4;

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----\n/g;

/**
 * Reads the generation in force of a state directory's identity, or `null` when there is none, and
 * verifies all of it: who can reach the files, that each key fits its certificate, that the chains
 * hold and are in date.
 *
 * @param datesOf `roots` for who is about to replace the issuing CAs
 * @throws StateDirUnsafe, StateFileUnsafe, StorageFailed, IdentityDamaged or IdentityExpired.
 */
export async function loadIdentity(
  stateDir: string,
  nowMs: number,
  datesOf: DatesOf = 'all',
): Promise<StoredIdentity | null> {
  const directory = identityDirOf(stateDir);
  if (!(await exists(directory))) return null;
  await refuseUnsafeDirectory(directory);
  for (let look = 1; ; look += 1) {
    const generation = await readCurrent(directory);
    try {
      const authorities = await loadGeneration(join(directory, generation), nowMs, datesOf);
      const caFile = join(directory, CA_BUNDLE);
      return { ...authorities, generation, caPem: bundleOf(authorities), caFile };
    } catch (thrown) {
      // It may have been replaced, and destroyed, while it was read.
      if (look === MAX_LOOKS || (await readCurrent(directory)) === generation) throw thrown;
    }
  }
}

async function loadGeneration(
  directory: string,
  nowMs: number,
  datesOf: DatesOf,
): Promise<Authorities> {
  await refuseMissing(directory);
  await refuseUnsafeDirectory(directory);
  const previousRoots = await loadPreviousRoots(join(directory, PREVIOUS_ROOTS));
  const chains: AuthorityChain[] = [];
  for (const spec of CHAINS) {
    const chain = await loadChain(directory, spec, previousRoots);
    const { root, issuing } = chain;
    const dated = datesOf === 'all' ? [issuing, root] : [root];
    const place = join(directory, spec.name);
    for (const { certificate } of dated) refuseOutOfDate(place, certificate, nowMs);
    chains.push(chain);
  }
  return { trustDomain: trustDomainOf(directory, chains, previousRoots), chains, previousRoots };
}

async function loadChain(
  directory: string,
  spec: ChainSpec,
  previousRoots: readonly X509Certificate[],
): Promise<AuthorityChain> {
  const place = join(directory, spec.name);
  await refuseMissing(place);
  await refuseUnsafeDirectory(place);
  const root = await loadRoot(directory, spec);
  const issuing = await loadIssuing(directory, spec);
  verifyAuthorities(place, [issuing.certificate, root.certificate]);
  const crossFile = join(directory, crossFileOf(spec));
  const cross = (await exists(crossFile)) ? await loadCertificate(crossFile) : null;
  if (cross !== null) verifyCross(crossFile, cross, root.certificate, previousRoots);
  return { spec, root, issuing, cross };
}

async function loadRoot(directory: string, spec: ChainSpec): Promise<RootPair> {
  const paths = filesOf(spec, 'root');
  const certificateFile = join(directory, paths.certificate);
  const certificate = await loadCertificate(certificateFile);
  const keyFile = join(directory, paths.key);
  if (await exists(keyFile)) {
    return { certificate, key: await loadKey(keyFile, spec, 'root', certificate) };
  }
  // Its key may be anywhere, but it is this key's kind that makes the chain what it is.
  refuseOtherKind(certificateFile, certificate.publicKey, spec, 'root');
  return { certificate, key: null };
}

async function loadIssuing(directory: string, spec: ChainSpec): Promise<AuthorityPair> {
  const paths = filesOf(spec, 'issuing');
  const certificate = await loadCertificate(join(directory, paths.certificate));
  const key = await loadKey(join(directory, paths.key), spec, 'issuing', certificate);
  return { certificate, key };
}

/**
 * Reads the private key of an authority.
 *
 * @throws StateFileUnsafe, StorageFailed, or IdentityDamaged when it does not fit the certificate.
 */
export async function loadKey(
  keyFile: string,
  spec: ChainSpec,
  authority: Authority,
  certificate: X509Certificate,
): Promise<KeyObject> {
  const pem = await readIdentityFile(keyFile, 'private');
  const key = parse(keyFile, 'a private key', () => createPrivateKey(pem));
  refuseOtherKind(keyFile, key, spec, authority);
  if (certificate.checkPrivateKey(key)) return key;
  throw new IdentityDamaged(`${keyFile} is not the key of "${certificate.subject}"`);
}

async function loadCertificate(path: string): Promise<X509Certificate> {
  const pem = await readIdentityFile(path, 'public');
  return parse(path, 'a certificate', () => new X509Certificate(pem));
}

async function loadPreviousRoots(path: string): Promise<readonly X509Certificate[]> {
  if (!(await exists(path))) return [];
  const text = await readIdentityFile(path, 'public');
  const roots = parse(path, 'certificates', () =>
    (text.match(CERTIFICATE) ?? []).map((pem) => new X509Certificate(pem)),
  );
  if (roots.map((root) => root.toString()).join('') !== text) {
    throw new IdentityDamaged(`${path} does not hold certificates`);
  }
  for (const root of roots) verifyRoot(path, root);
  return roots;
}

async function refuseMissing(path: string): Promise<void> {
  if (!(await exists(path))) throw new IdentityDamaged(`${path} is missing`);
}

function refuseOtherKind(
  path: string,
  key: KeyObject,
  spec: ChainSpec,
  authority: Authority,
): void {
  const scheme = spec[authority];
  if (signatureOfKey(key) === scheme) return;
  throw new IdentityDamaged(`${path} is no ${scheme.name} key`);
}

function parse<T>(path: string, what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new IdentityDamaged(`${path} does not hold ${what}`, { cause });
  }
}
