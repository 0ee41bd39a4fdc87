import type { Terms } from './calendars.ts';

/** What every row of the registry says, whatever kind of algorithm it is. */
export interface Algorithm {
  readonly kind: 'kem' | 'group' | 'signature' | 'cipher' | 'hash';
  /** The standard name, as policy, records and people use it. */
  readonly name: string;
  /** Other names of it: IANA's or OpenSSL's where they differ, and those from before the standard. */
  readonly aliases: readonly string[];
  /** Defining document. */
  readonly standard: string;
  /** A quantum attacker does not break it. */
  readonly quantumSafe: boolean;
  /**
   * NIST's category of strength against a quantum attacker, 1 to 5: as hard as AES-128, SHA-256,
   * AES-192, SHA-384, AES-256. `null` when it falls to one.
   */
  readonly nistCategory: number | null;
  readonly terms: Terms;
}
