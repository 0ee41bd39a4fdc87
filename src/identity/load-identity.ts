import type { KeyObject } from 'node:crypto';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { signatureOfKey } from '#crypto';
import type { Authority, ChainSpec } from './chains.ts';
import { AUTHORITIES, CA_BUNDLE, CHAINS, filesOf, identityDirOf } from './chains.ts';
import { IdentityDamaged } from './errors.ts';
import { readIdentityFile } from './files.ts';
import { formatSpiffeId, parseSpiffeId, spiffeIdOfCertificate } from './spiffe.ts';
import { exists, refuseUnsafeDirectory } from './state-dir.ts';
import { verifyAuthorities } from './verify-chain.ts';

/** A certificate of an authority with its private key. */
interface StoredPair {
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
  /** The key as its file has it. */
  readonly keyPem: string;
}

/** One chain as stored. */
export interface StoredChain {
  readonly spec: ChainSpec;
  readonly root: StoredPair;
  readonly issuing: StoredPair;
}

/** Everything in the identity directory, verified. */
export interface StoredIdentity {
  readonly trustDomain: string;
  /** In the order of {@link CHAINS}. */
  readonly chains: readonly StoredChain[];
  readonly caPem: string;
  readonly caFile: string;
}

/**
 * Reads the identity of a state directory, or `null` when there is none, and verifies all of it: who
 * can reach the files, that each key fits its certificate, that the chains hold and are in date.
 *
 * @throws StateDirUnsafe, StateFileUnsafe, StorageFailed, IdentityDamaged or IdentityExpired.
 */
export async function loadIdentity(
  stateDir: string,
  nowMs: number,
): Promise<StoredIdentity | null> {
  const directory = identityDirOf(stateDir);
  if (!(await exists(directory))) return null;
  await refuseUnsafeDirectory(directory);
  const chains: StoredChain[] = [];
  for (const spec of CHAINS) chains.push(await loadChain(directory, spec, nowMs));
  const caFile = join(directory, CA_BUNDLE);
  const caPem = chains.map((chain) => chain.root.certificate.toString()).join('');
  if ((await readIdentityFile(caFile, 'public')) !== caPem) {
    throw new IdentityDamaged(`${caFile} does not hold the roots of the identity`);
  }
  return { trustDomain: trustDomainOf(directory, chains), chains, caPem, caFile };
}

async function loadChain(directory: string, spec: ChainSpec, nowMs: number): Promise<StoredChain> {
  await refuseMissing(join(directory, spec.name));
  await refuseUnsafeDirectory(join(directory, spec.name));
  const root = await loadPair(directory, spec, 'root');
  const issuing = await loadPair(directory, spec, 'issuing');
  verifyAuthorities(join(directory, spec.name), [issuing.certificate, root.certificate], nowMs);
  return { spec, root, issuing };
}

async function refuseMissing(path: string): Promise<void> {
  if (!(await exists(path))) throw new IdentityDamaged(`${path} is missing`);
}

async function loadPair(
  directory: string,
  spec: ChainSpec,
  authority: Authority,
): Promise<StoredPair> {
  const paths = filesOf(spec, authority);
  const keyFile = join(directory, paths.key);
  const certificateFile = join(directory, paths.certificate);
  const keyPem = await readIdentityFile(keyFile, 'private');
  const key = parse(keyFile, 'a private key', () => createPrivateKey(keyPem));
  const certificatePem = await readIdentityFile(certificateFile, 'public');
  const certificate = parse(
    certificateFile,
    'a certificate',
    () => new X509Certificate(certificatePem),
  );
  const scheme = spec[authority];
  if (signatureOfKey(key) !== scheme)
    throw new IdentityDamaged(`${keyFile} is no ${scheme.name} key`);
  if (!certificate.checkPrivateKey(key)) {
    throw new IdentityDamaged(`${keyFile} is not the key of ${certificateFile}`);
  }
  return { certificate, key, keyPem };
}

function parse<T>(path: string, what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new IdentityDamaged(`${path} does not hold ${what}`, { cause });
  }
}

/** The one trust domain that every certificate of the identity names. */
function trustDomainOf(directory: string, chains: readonly StoredChain[]): string {
  const [first] = chains;
  const rootId = first && spiffeIdOfCertificate(first.root.certificate);
  if (!rootId) throw new IdentityDamaged(`a root in ${directory} has no SPIFFE id`);
  const { trustDomain } = parseSpiffeId(rootId);
  const domainId = formatSpiffeId(trustDomain);
  for (const chain of chains) {
    const { spec } = chain;
    const agrees = AUTHORITIES.every(
      (authority) => spiffeIdOfCertificate(chain[authority].certificate) === domainId,
    );
    if (!agrees) {
      throw new IdentityDamaged(
        `certificates in ${join(directory, spec.name)} have other SPIFFE ids`,
      );
    }
  }
  return trustDomain;
}
