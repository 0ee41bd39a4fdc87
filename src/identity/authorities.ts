import type { KeyObject, X509Certificate } from 'node:crypto';
import type { ChainSpec } from './chains.ts';
import { PRIVATE_MODE, PUBLIC_MODE } from './files.ts';
import { privatePem } from './keys.ts';
import { crossFileOf, filesOf, PREVIOUS_ROOTS } from './layout.ts';
import type { NewFile } from './tree.ts';

/** A certificate of an authority with its private key. */
export interface AuthorityPair {
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
}

/** A root, whose key may be kept elsewhere. */
export interface RootPair {
  readonly certificate: X509Certificate;
  readonly key: KeyObject | null;
}

/** The authorities of one chain. */
export interface AuthorityChain {
  readonly spec: ChainSpec;
  readonly root: RootPair;
  readonly issuing: AuthorityPair;
  /** The root's name and key, certified by the root before it, for peers that know only that one. */
  readonly cross: X509Certificate | null;
}

/** All authorities of a gateway: one generation. */
export interface Authorities {
  readonly trustDomain: string;
  /** In the order of CHAINS. */
  readonly chains: readonly AuthorityChain[];
  /** Roots before the last rotation that are still trusted. */
  readonly previousRoots: readonly X509Certificate[];
}

/** PEM of all trusted roots. */
export function bundleOf({ chains, previousRoots }: Authorities): string {
  const roots = [...chains.map(({ root }) => root.certificate), ...previousRoots];
  return roots.map((root) => root.toString()).join('');
}

/** PEM of an end entity's certificate and of what a peer needs to get from there to a root. */
export function chainPemOf({ issuing, cross }: AuthorityChain, leafPem: string): string {
  return leafPem + issuing.certificate.toString() + (cross?.toString() ?? '');
}

/** The files of one generation, with paths relative to its directory. */
export function generationFiles({ chains, previousRoots }: Authorities): readonly NewFile[] {
  const files = chains.flatMap((chain) => chainFiles(chain));
  if (previousRoots.length === 0) return files;
  const text = previousRoots.map((root) => root.toString()).join('');
  return [...files, { path: PREVIOUS_ROOTS, text, mode: PUBLIC_MODE }];
}

function chainFiles({ spec, root, issuing, cross }: AuthorityChain): readonly NewFile[] {
  const files = [
    certificate(filesOf(spec, 'root').certificate, root.certificate),
    certificate(filesOf(spec, 'issuing').certificate, issuing.certificate),
    key(filesOf(spec, 'issuing').key, issuing.key),
  ];
  if (root.key !== null) files.push(key(filesOf(spec, 'root').key, root.key));
  if (cross !== null) files.push(certificate(crossFileOf(spec), cross));
  return files;
}

function certificate(path: string, made: X509Certificate): NewFile {
  return { path, text: made.toString(), mode: PUBLIC_MODE };
}

function key(path: string, made: KeyObject): NewFile {
  return { path, text: privatePem(made), mode: PRIVATE_MODE };
}
