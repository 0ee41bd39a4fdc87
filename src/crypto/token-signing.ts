import type { KeyObject } from 'node:crypto';
import { sign } from 'node:crypto';

interface Signing {
  /** IANA "JSON Web Signature and Encryption Algorithms". */
  readonly algorithm: string;
  readonly keyType: string;
  readonly namedCurve?: string;
  /** `null` where it is part of the algorithm. */
  readonly digest: string | null;
}

/** Those of RFC 9964, RFC 8037 and RFC 7518. */
const SIGNINGS: readonly Signing[] = [
  { algorithm: 'ML-DSA-65', keyType: 'ml-dsa-65', digest: null },
  { algorithm: 'ML-DSA-87', keyType: 'ml-dsa-87', digest: null },
  { algorithm: 'EdDSA', keyType: 'ed25519', digest: null },
  { algorithm: 'ES256', keyType: 'ec', namedCurve: 'prime256v1', digest: 'sha256' },
  { algorithm: 'ES384', keyType: 'ec', namedCurve: 'secp384r1', digest: 'sha384' },
];

/**
 * A JSON Web Token with these claims (RFC 7519), signed by OpenSSL with the algorithm that the private
 * key is for; `null` for a kind of key with which none is signed here.
 *
 * @param header besides the algorithm.
 */
export function signToken(
  key: KeyObject,
  header: Readonly<Record<string, string>>,
  claims: Readonly<Record<string, string | number>>,
): string | null {
  const { asymmetricKeyType, asymmetricKeyDetails } = key;
  const signing = SIGNINGS.find(
    ({ keyType, namedCurve }) =>
      keyType === asymmetricKeyType && namedCurve === asymmetricKeyDetails?.namedCurve,
  );
  if (signing === undefined || key.type !== 'private') return null;
  const { algorithm, digest } = signing;
  const parts = [{ ...header, alg: algorithm }, claims];
  const text = parts
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const signature = sign(digest, Buffer.from(text), { key, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}
