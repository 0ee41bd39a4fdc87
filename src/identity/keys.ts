import type { KeyObject } from 'node:crypto';
import { generateKeyPairSync, sign, verify } from 'node:crypto';
import type { SignatureScheme } from '#crypto';
import { signatureOfKey } from '#crypto';

/** A key pair of one signature scheme. */
export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** Makes a key pair; a few milliseconds at most for every scheme in use here. */
export function generateKeys(scheme: SignatureScheme): KeyPair {
  if (scheme.namedCurve !== null) {
    return generateKeyPairSync('ec', { namedCurve: scheme.namedCurve });
  }
  // The registry's key types are Node's; its overloads want each as a literal.
  return generateKeyPairSync(scheme.keyType as 'ml-dsa-65');
}

/** A private key as PKCS#8 PEM, ending with a newline; for ML-DSA the seed form (RFC 9881 §6). */
export function privatePem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' });
}

/** An algorithm as WebCrypto names it. */
export interface WebAlgorithm {
  readonly name: string;
  readonly namedCurve?: string;
  readonly hash?: string;
}

/** The WebCrypto name of a key's signature algorithm, for libraries that speak WebCrypto. */
export function webAlgorithmOf(key: KeyObject): WebAlgorithm {
  const scheme = signatureOfKey(key);
  if (scheme?.name === 'ECDSA-P256-SHA256') {
    return { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  }
  if (scheme?.quantumSafe === true) return { name: scheme.name };
  throw new Error(`no certificates are signed with ${scheme?.name ?? key.asymmetricKeyType}`);
}

/** Signs as WebCrypto does: r and s side by side for ECDSA, the pure form for ML-DSA. */
export function webSign(key: KeyObject, data: Uint8Array): Buffer {
  const digest = signatureOfKey(key)?.quantumSafe === true ? null : 'sha256';
  return sign(digest, data, { key, dsaEncoding: 'ieee-p1363' });
}

/** Verifies what {@link webSign} signs. */
export function webVerify(key: KeyObject, data: Uint8Array, signature: Uint8Array): boolean {
  const digest = signatureOfKey(key)?.quantumSafe === true ? null : 'sha256';
  return verify(digest, data, { key, dsaEncoding: 'ieee-p1363' }, signature);
}
