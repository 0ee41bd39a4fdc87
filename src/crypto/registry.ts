import type { Algorithm } from './algorithm.ts';
import type { Cipher } from './ciphers.ts';
import { allCiphers } from './ciphers.ts';
import type { Group } from './groups.ts';
import { allGroups } from './groups.ts';
import type { Hash } from './hashes.ts';
import { allHashes } from './hashes.ts';
import type { Kem } from './kems.ts';
import { allKems } from './kems.ts';
import type { SignatureScheme } from './signatures.ts';
import { allSignatureSchemes } from './signatures.ts';

/** A row of the registry. */
export type RegistryRow = Kem | Group | SignatureScheme | Cipher | Hash;

const ROWS: readonly RegistryRow[] = [
  ...allKems(),
  ...allGroups(),
  ...allSignatureSchemes(),
  ...allCiphers(),
  ...allHashes(),
];

const byName = new Map(ROWS.map((row) => [row.name.toLowerCase(), row]));

/** Of two rows that are spelled alike, such as ML-KEM-768 and MLKEM768, the first one's. */
const bySpelling = new Map(
  ROWS.flatMap((row) =>
    [row.name, ...row.aliases].map((name) => [spelling(name), row] as const),
  ).toReversed(),
);

/** Every row, kind by kind. */
export function allAlgorithms(): readonly RegistryRow[] {
  return ROWS;
}

/**
 * The algorithm that a name means, or `undefined`. Letter case, hyphens and underscores do not
 * matter; names from before the standard are understood. Its `name` is the standard one.
 */
export function algorithmNamed(name: string): RegistryRow | undefined {
  return byName.get(name.toLowerCase()) ?? bySpelling.get(spelling(name));
}

/** Whether this is the standard name and not another one of the same algorithm. */
export function isStandardName(name: string, { name: standard }: Algorithm): boolean {
  return name.toLowerCase() === standard.toLowerCase();
}

/** The group of this name, or `undefined`. */
export function groupByName(name: string): Group | undefined {
  const row = algorithmNamed(name);
  return row?.kind === 'group' ? row : undefined;
}

/** The signature scheme of this name, or `undefined`. */
export function signatureByName(name: string): SignatureScheme | undefined {
  const row = algorithmNamed(name);
  return row?.kind === 'signature' ? row : undefined;
}

/** The cipher suite of this name, or `undefined`. */
export function cipherByName(name: string): Cipher | undefined {
  const row = algorithmNamed(name);
  return row?.kind === 'cipher' ? row : undefined;
}

function spelling(name: string): string {
  return name.toLowerCase().replace(/[-_ ]/g, '');
}
