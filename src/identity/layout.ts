/**
 * Where the files of an identity are. The authorities of one generation are in a directory of their
 * own, and a small file names the generation in force, so that all of them change in one step.
 */
import { join } from 'node:path';
import type { Authority, ChainSpec } from './chains.ts';

/** The directory with every file of the identity. */
export function identityDirOf(stateDir: string): string {
  return join(stateDir, 'identity');
}

/** The bundle of all trusted roots; derived, for clients. Inside the identity directory. */
export const CA_BUNDLE = 'ca.crt';

/** Names the generation in force. Inside the identity directory. */
export const CURRENT = 'current';

/** Roots before the last rotation that are still trusted. Inside a generation. */
export const PREVIOUS_ROOTS = 'previous.crt';

/** Paths of an authority's certificate and key, relative to its generation. */
export function filesOf(
  spec: ChainSpec,
  authority: Authority,
): { certificate: string; key: string } {
  return {
    certificate: join(spec.name, `${authority}.crt`),
    key: join(spec.name, `${authority}.key`),
  };
}

/** Path of a cross-certificate, relative to its generation. */
export function crossFileOf(spec: ChainSpec): string {
  return join(spec.name, 'cross.crt');
}
