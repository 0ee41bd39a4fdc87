/**
 * TLS key-exchange groups as rows: what each is made of and what it withstands.
 *
 * Adding a group is adding a row, and its test vectors. Callers pass rows around, never names.
 */
import type { Algorithm } from './algorithm.ts';
import type { Terms } from './calendars.ts';
import { TERMS } from './calendars.ts';
import type { Kem } from './kems.ts';
import { kemRow } from './kems.ts';

/** One TLS supported group (IANA "TLS Supported Groups"). */
export interface Group extends Algorithm {
  readonly kind: 'group';
  /** IANA code point. */
  readonly ianaId: number;
  /** Name in OpenSSL's group lists, which Node.js takes as `ecdhCurve`. */
  readonly opensslName: string;
  /** Classical part, or `null` for a pure KEM group. */
  readonly classical: string | null;
  /** KEM part, or `null` for a classical group. */
  readonly kem: Kem | null;
  /** Both parts together: if one falls, the other holds. */
  readonly hybrid: boolean;
}

/** The terms of each classical exchange on its own. */
const CLASSICAL: Readonly<Record<string, Terms>> = {
  X25519: TERMS.unlisted,
  X448: TERMS.unlisted,
  'P-256': TERMS.classical,
  'P-384': TERMS.cnsa1,
  'P-521': TERMS.classical,
};

const row = (
  name: string,
  ianaId: number,
  classical: string | null,
  kemName: string | null,
  standard: string,
  ...aliases: readonly string[]
): Group => {
  const kem = kemName === null ? null : kemRow(kemName);
  return Object.freeze({
    kind: 'group',
    name,
    aliases,
    standard,
    quantumSafe: kem !== null,
    nistCategory: kem?.nistCategory ?? null,
    terms: termsOf(classical, kem),
    ianaId,
    opensslName: name,
    classical,
    kem,
    hybrid: kem !== null && classical !== null,
  });
};

/**
 * NIST lets an approved KEM be combined with any other exchange (SP 800-227), so a hybrid stands as its
 * KEM does. CNSA tolerates a second exchange only from its own first suite.
 */
function termsOf(classical: string | null, kem: Kem | null): Terms {
  const alone = classical === null ? undefined : CLASSICAL[classical];
  if (kem === null) return alone ?? TERMS.unlisted;
  if (alone === undefined || alone === TERMS.cnsa1) return kem.terms;
  return TERMS.lasting;
}

const RFC_10024 = 'RFC 10024';
const RFC_8446 = 'RFC 8446';
const PURE = 'draft-ietf-tls-mlkem';

const GROUPS: readonly Group[] = [
  row('X25519MLKEM768', 0x11ec, 'X25519', 'ML-KEM-768', RFC_10024, 'X25519Kyber768'),
  row('SecP256r1MLKEM768', 0x11eb, 'P-256', 'ML-KEM-768', RFC_10024, 'P256MLKEM768'),
  row('SecP384r1MLKEM1024', 0x11ed, 'P-384', 'ML-KEM-1024', RFC_10024, 'P384MLKEM1024'),
  row('MLKEM512', 0x0200, null, 'ML-KEM-512', PURE),
  row('MLKEM768', 0x0201, null, 'ML-KEM-768', PURE),
  row('MLKEM1024', 0x0202, null, 'ML-KEM-1024', PURE),
  row('X25519', 0x001d, 'X25519', null, RFC_8446, 'Curve25519'),
  row('X448', 0x001e, 'X448', null, RFC_8446, 'Curve448'),
  row('P-256', 0x0017, 'P-256', null, RFC_8446, 'secp256r1', 'prime256v1'),
  row('P-384', 0x0018, 'P-384', null, RFC_8446, 'secp384r1'),
  row('P-521', 0x0019, 'P-521', null, RFC_8446, 'secp521r1'),
];

const byId = new Map(GROUPS.map((group) => [group.ianaId, group]));

/** Every known group, in registry order. */
export function allGroups(): readonly Group[] {
  return GROUPS;
}

/** The group with this IANA code point, or `undefined` when the registry has none. */
export function groupById(ianaId: number): Group | undefined {
  return byId.get(ianaId);
}
