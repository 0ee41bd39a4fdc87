/**
 * TLS key-exchange groups as rows: what each is made of and what it withstands.
 *
 * Adding a group is adding a row. Callers pass rows around, never names.
 */

/** One TLS supported group (IANA "TLS Supported Groups"). */
export interface Group {
  /** IANA name, which is also OpenSSL's. */
  readonly name: string;
  /** IANA code point. */
  readonly ianaId: number;
  /** Classical part, or `null` for a pure KEM group. */
  readonly classical: string | null;
  /** KEM part (FIPS 203), or `null` for a classical group. */
  readonly kem: string | null;
  /** Withstands a quantum attacker who recorded the traffic: it has a KEM part. */
  readonly quantumSafe: boolean;
  /** Both parts together: if one falls, the other holds. */
  readonly hybrid: boolean;
  /** Defining document. */
  readonly standard: string;
}

const row = (
  name: string,
  ianaId: number,
  classical: string | null,
  kem: string | null,
  standard: string,
): Group =>
  Object.freeze({
    name,
    ianaId,
    classical,
    kem,
    quantumSafe: kem !== null,
    hybrid: kem !== null && classical !== null,
    standard,
  });

const GROUPS: readonly Group[] = [
  row('X25519MLKEM768', 0x11ec, 'X25519', 'ML-KEM-768', 'RFC 10024'),
  row('SecP256r1MLKEM768', 0x11eb, 'P-256', 'ML-KEM-768', 'RFC 10024'),
  row('SecP384r1MLKEM1024', 0x11ed, 'P-384', 'ML-KEM-1024', 'RFC 10024'),
  row('MLKEM512', 0x0200, null, 'ML-KEM-512', 'draft-ietf-tls-mlkem'),
  row('MLKEM768', 0x0201, null, 'ML-KEM-768', 'draft-ietf-tls-mlkem'),
  row('MLKEM1024', 0x0202, null, 'ML-KEM-1024', 'draft-ietf-tls-mlkem'),
  row('X25519', 0x001d, 'X25519', null, 'RFC 8446'),
  row('X448', 0x001e, 'X448', null, 'RFC 8446'),
  row('P-256', 0x0017, 'P-256', null, 'RFC 8446'),
  row('P-384', 0x0018, 'P-384', null, 'RFC 8446'),
  row('P-521', 0x0019, 'P-521', null, 'RFC 8446'),
];

const byId = new Map(GROUPS.map((group) => [group.ianaId, group]));
const byName = new Map(GROUPS.map((group) => [group.name.toLowerCase(), group]));

/** Every known group, in registry order. */
export function allGroups(): readonly Group[] {
  return GROUPS;
}

/** The group with this IANA code point, or `undefined` when the registry has none. */
export function groupById(ianaId: number): Group | undefined {
  return byId.get(ianaId);
}

/** The group of this name (letter case ignored), or `undefined`. */
export function groupByName(name: string): Group | undefined {
  return byName.get(name.toLowerCase());
}
