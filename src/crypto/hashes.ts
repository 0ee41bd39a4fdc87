/** Hash functions as rows. Adding one is adding a row, and its test vectors. */
import type { Algorithm } from './algorithm.ts';
import type { Terms } from './calendars.ts';
import { TERMS } from './calendars.ts';

/** One hash function. */
export interface Hash extends Algorithm {
  readonly kind: 'hash';
  /** Object identifier, dotted. */
  readonly oid: string;
  /** Name for `crypto.hash` of Node.js. */
  readonly nodeName: string;
  readonly digestBytes: number;
}

const row = (
  name: string,
  nistCategory: number,
  oid: string,
  digestBytes: number,
  terms: Terms,
): Hash =>
  Object.freeze({
    kind: 'hash',
    name,
    aliases: [],
    standard: 'FIPS 180-4',
    quantumSafe: true,
    nistCategory,
    terms,
    oid,
    nodeName: name.toLowerCase().replace('-', ''),
    digestBytes,
  });

const HASHES: readonly Hash[] = [
  row('SHA-256', 2, '2.16.840.1.101.3.4.2.1', 32, TERMS.lasting),
  row('SHA-384', 4, '2.16.840.1.101.3.4.2.2', 48, TERMS.cnsa2),
  row('SHA-512', 5, '2.16.840.1.101.3.4.2.3', 64, TERMS.cnsa2),
];

/** Every known hash function, in registry order. */
export function allHashes(): readonly Hash[] {
  return HASHES;
}

/** The row of this name. @throws Error when the registry itself names one that it lacks. */
export function hashRow(name: string): Hash {
  const found = HASHES.find((hash) => hash.name === name);
  if (found === undefined) throw new Error(`the registry has no hash ${name}`);
  return found;
}
