/** TLS signature schemes as rows. Adding a scheme is adding a row, and its test vectors. */
import type { KeyObject } from 'node:crypto';
import type { Algorithm } from './algorithm.ts';
import type { Terms } from './calendars.ts';
import { TERMS } from './calendars.ts';

/** One TLS 1.3 signature scheme (IANA "TLS SignatureScheme"). */
export interface SignatureScheme extends Algorithm {
  readonly kind: 'signature';
  /** IANA code point. */
  readonly ianaId: number;
  /** Name in OpenSSL's `sigalgs` list. */
  readonly opensslName: string;
  /** Object identifier of the signature algorithm in certificates, dotted. */
  readonly oid: string;
  /** `asymmetricKeyType` of the key in Node.js, with the curve for EC keys. */
  readonly keyType: string;
  readonly namedCurve: string | null;
}

interface Classical {
  readonly keyType: string;
  readonly namedCurve?: string;
  readonly standard: string;
  readonly terms: Terms;
  readonly aliases?: readonly string[];
}

const mlDsa = (
  size: number,
  nistCategory: number,
  ianaId: number,
  oid: string,
  terms: Terms,
  legacy: string,
): SignatureScheme =>
  Object.freeze({
    kind: 'signature',
    name: `ML-DSA-${size}`,
    aliases: [legacy, `mldsa${size}`],
    standard: 'FIPS 204, draft-ietf-tls-mldsa',
    quantumSafe: true,
    nistCategory,
    terms,
    ianaId,
    opensslName: `mldsa${size}`,
    oid,
    keyType: `ml-dsa-${size}`,
    namedCurve: null,
  });

const classical = (
  name: string,
  ianaId: number,
  opensslName: string,
  oid: string,
  { keyType, namedCurve, standard, terms, aliases = [] }: Classical,
): SignatureScheme =>
  Object.freeze({
    kind: 'signature',
    name,
    aliases: [...new Set([...aliases, opensslName])],
    standard,
    quantumSafe: false,
    nistCategory: null,
    terms,
    ianaId,
    opensslName,
    oid,
    keyType,
    namedCurve: namedCurve ?? null,
  });

const ecdsa = (namedCurve: string, terms: Terms, alias: string): Classical => ({
  keyType: 'ec',
  namedCurve,
  standard: 'FIPS 186-5, RFC 8446',
  terms,
  aliases: [alias],
});
const eddsa = (keyType: string): Classical => ({
  keyType,
  standard: 'FIPS 186-5, RFC 8032',
  terms: TERMS.classical,
});
/** The size of the key is not known here; 2048 bits have 112 bits of strength. */
const rsa = (keyType: string): Classical => ({
  keyType,
  standard: 'FIPS 186-5, RFC 8017',
  terms: TERMS.weak,
});

const NIST_SIGNATURES = '2.16.840.1.101.3.4.3';
const ANSI_ECDSA = '1.2.840.10045.4.3';
const RSASSA_PSS = '1.2.840.113549.1.1.10';

const SCHEMES: readonly SignatureScheme[] = [
  mlDsa(44, 2, 0x0904, `${NIST_SIGNATURES}.17`, TERMS.lasting, 'Dilithium2'),
  mlDsa(65, 3, 0x0905, `${NIST_SIGNATURES}.18`, TERMS.lasting, 'Dilithium3'),
  mlDsa(87, 5, 0x0906, `${NIST_SIGNATURES}.19`, TERMS.cnsa2, 'Dilithium5'),
  classical(
    'ECDSA-P256-SHA256',
    0x0403,
    'ecdsa_secp256r1_sha256',
    `${ANSI_ECDSA}.2`,
    ecdsa('prime256v1', TERMS.classical, 'ES256'),
  ),
  classical(
    'ECDSA-P384-SHA384',
    0x0503,
    'ecdsa_secp384r1_sha384',
    `${ANSI_ECDSA}.3`,
    ecdsa('secp384r1', TERMS.cnsa1, 'ES384'),
  ),
  classical(
    'ECDSA-P521-SHA512',
    0x0603,
    'ecdsa_secp521r1_sha512',
    `${ANSI_ECDSA}.4`,
    ecdsa('secp521r1', TERMS.classical, 'ES512'),
  ),
  classical('Ed25519', 0x0807, 'ed25519', '1.3.101.112', eddsa('ed25519')),
  classical('Ed448', 0x0808, 'ed448', '1.3.101.113', eddsa('ed448')),
  classical('RSA-PSS', 0x0804, 'rsa_pss_rsae_sha256', RSASSA_PSS, rsa('rsa')),
  classical('RSA-PSS-PSS', 0x0809, 'rsa_pss_pss_sha256', RSASSA_PSS, rsa('rsa-pss')),
];

const byId = new Map(SCHEMES.map((scheme) => [scheme.ianaId, scheme]));

/** Every known scheme, in registry order. */
export function allSignatureSchemes(): readonly SignatureScheme[] {
  return SCHEMES;
}

/** The scheme with this IANA code point, or `undefined` when the registry has none. */
export function signatureById(ianaId: number): SignatureScheme | undefined {
  return byId.get(ianaId);
}

/**
 * The scheme with which a key signs a TLS 1.3 handshake, or `undefined` when the registry has none.
 *
 * In TLS 1.3 the key fixes the scheme (RFC 8446 §4.2.3), except for RSA, where only the hash varies.
 */
export function signatureOfKey(key: KeyObject): SignatureScheme | undefined {
  const { asymmetricKeyType, asymmetricKeyDetails } = key;
  return SCHEMES.find(
    ({ keyType, namedCurve }) =>
      keyType === asymmetricKeyType &&
      (namedCurve === null || namedCurve === asymmetricKeyDetails?.namedCurve),
  );
}
