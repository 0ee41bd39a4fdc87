/** Key-encapsulation mechanisms as rows. Adding one is adding a row, and its test vectors. */
import type { Algorithm } from './algorithm.ts';
import { TERMS } from './calendars.ts';

/** One key-encapsulation mechanism. */
export interface Kem extends Algorithm {
  readonly kind: 'kem';
  /** Object identifier, dotted. */
  readonly oid: string;
  /** `asymmetricKeyType` in Node.js. */
  readonly keyType: string;
}

const row = (
  name: string,
  nistCategory: number,
  oid: string,
  terms: Algorithm['terms'],
  ...aliases: readonly string[]
): Kem =>
  Object.freeze({
    kind: 'kem',
    name,
    aliases,
    standard: 'FIPS 203',
    quantumSafe: true,
    nistCategory,
    terms,
    oid,
    keyType: name.toLowerCase(),
  });

const KEMS: readonly Kem[] = [
  row('ML-KEM-512', 1, '2.16.840.1.101.3.4.4.1', TERMS.lasting, 'Kyber512'),
  row('ML-KEM-768', 3, '2.16.840.1.101.3.4.4.2', TERMS.lasting, 'Kyber768'),
  row('ML-KEM-1024', 5, '2.16.840.1.101.3.4.4.3', TERMS.cnsa2, 'Kyber1024'),
];

/** Every known KEM, in registry order. */
export function allKems(): readonly Kem[] {
  return KEMS;
}

/** The row of this name. @throws Error when the registry itself names one that it lacks. */
export function kemRow(name: string): Kem {
  const found = KEMS.find((kem) => kem.name === name);
  if (found === undefined) throw new Error(`the registry has no KEM ${name}`);
  return found;
}
