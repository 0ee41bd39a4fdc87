/** TLS signature schemes as rows. Adding a scheme is adding a row. */

/** One TLS 1.3 signature scheme (IANA "TLS SignatureScheme"). */
export interface SignatureScheme {
  /** Name of the algorithm for people and policy: `ML-DSA-65`. */
  readonly name: string;
  /** IANA code point. */
  readonly ianaId: number;
  /** Name in OpenSSL's `sigalgs` list. */
  readonly opensslName: string;
  /** `asymmetricKeyType` of the key in Node, with the curve for EC keys. */
  readonly keyType: string;
  readonly namedCurve: string | null;
  /** A quantum attacker cannot forge it. */
  readonly quantumSafe: boolean;
  /** Defining document. */
  readonly standard: string;
}

const row = (
  name: string,
  ianaId: number,
  opensslName: string,
  keyType: string,
  namedCurve: string | null,
  standard: string,
): SignatureScheme =>
  Object.freeze({
    name,
    ianaId,
    opensslName,
    keyType,
    namedCurve,
    quantumSafe: keyType.startsWith('ml-dsa-'),
    standard,
  });

const ML_DSA = 'FIPS 204, draft-ietf-tls-mldsa';

const SCHEMES: readonly SignatureScheme[] = [
  row('ML-DSA-44', 0x0904, 'mldsa44', 'ml-dsa-44', null, ML_DSA),
  row('ML-DSA-65', 0x0905, 'mldsa65', 'ml-dsa-65', null, ML_DSA),
  row('ML-DSA-87', 0x0906, 'mldsa87', 'ml-dsa-87', null, ML_DSA),
  row('ECDSA-P256-SHA256', 0x0403, 'ecdsa_secp256r1_sha256', 'ec', 'prime256v1', 'RFC 8446'),
  row('ECDSA-P384-SHA384', 0x0503, 'ecdsa_secp384r1_sha384', 'ec', 'secp384r1', 'RFC 8446'),
  row('ECDSA-P521-SHA512', 0x0603, 'ecdsa_secp521r1_sha512', 'ec', 'secp521r1', 'RFC 8446'),
  row('Ed25519', 0x0807, 'ed25519', 'ed25519', null, 'RFC 8446'),
  row('Ed448', 0x0808, 'ed448', 'ed448', null, 'RFC 8446'),
  row('RSA-PSS', 0x0804, 'rsa_pss_rsae_sha256', 'rsa', null, 'RFC 8446'),
  row('RSA-PSS-PSS', 0x0809, 'rsa_pss_pss_sha256', 'rsa-pss', null, 'RFC 8446'),
];

const byName = new Map(SCHEMES.map((scheme) => [scheme.name.toLowerCase(), scheme]));

/** Every known scheme, in registry order. */
export function allSignatureSchemes(): readonly SignatureScheme[] {
  return SCHEMES;
}

/** The scheme of this name (letter case ignored), or `undefined`. */
export function signatureByName(name: string): SignatureScheme | undefined {
  return byName.get(name.toLowerCase());
}

/**
 * The scheme with which a key signs a TLS 1.3 handshake, or `undefined` when the registry has none.
 *
 * In TLS 1.3 the key fixes the scheme (RFC 8446 §4.2.3), except for RSA, where only the hash varies.
 */
export function signatureOfKey(
  keyType: string | undefined,
  namedCurve: string | undefined,
): SignatureScheme | undefined {
  return SCHEMES.find(
    (scheme) =>
      scheme.keyType === keyType &&
      (scheme.namedCurve === null || scheme.namedCurve === namedCurve),
  );
}
