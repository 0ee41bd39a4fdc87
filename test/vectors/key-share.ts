/** A client's key shares, part by part. */
import type { KeyObject } from 'node:crypto';
import {
  createPrivateKey,
  createPublicKey,
  decapsulate,
  diffieHellman,
  generateKeyPairSync,
} from 'node:crypto';
import type { Group } from '#crypto';

/** A share of which the secret half is known. */
export interface KeyShare {
  readonly bytes: Buffer;
  /** The shared secret, from the server's share. */
  secretWith(serverShare: Buffer): Buffer;
}

/** @param order of the group's parts, in share and secret alike. */
export function makeKeyShare({ kem }: Group, order: readonly string[]): KeyShare {
  const parts = order.map((part) =>
    part === kem?.name ? kemShare(kem.keyType) : classicalShare(part),
  );
  return {
    bytes: Buffer.concat(parts.map(({ bytes }) => bytes)),
    secretWith: (serverShare) => {
      let at = 0;
      const secrets = parts.map((part) => {
        const start = at;
        at += part.answerBytes;
        return part.secretWith(serverShare.subarray(start, at));
      });
      return Buffer.concat(secrets);
    },
  };
}

/** @param raw a scalar, as long as the curve wants it. */
export function classicalPrivateKey(name: string, raw: Buffer): KeyObject {
  return createPrivateKey({ key: raw, format: 'raw-private', ...keyTypeOf(name) });
}

/** @param raw as it goes on the wire. */
export function classicalPublicKey(name: string, raw: Buffer): KeyObject {
  return createPublicKey({ key: raw, format: 'raw-public', ...keyTypeOf(name) });
}

interface Part extends KeyShare {
  readonly answerBytes: number;
}

/** Bytes of a ciphertext by those of the encapsulation key (FIPS 203, table 3). */
const CIPHERTEXT_BYTES: Readonly<Record<number, number>> = { 800: 768, 1184: 1088, 1568: 1568 };

function kemShare(keyType: string): Part {
  const { publicKey, privateKey } = generateKeyPairSync(keyType as 'ml-kem-768');
  const bytes = publicKey.export({ format: 'raw-public' });
  return {
    bytes,
    answerBytes: CIPHERTEXT_BYTES[bytes.length] ?? 0,
    secretWith: (ciphertext) => decapsulate(privateKey, ciphertext),
  };
}

function classicalShare(name: string): Part {
  const { publicKey, privateKey } = name.startsWith('P-')
    ? generateKeyPairSync('ec', { namedCurve: name })
    : generateKeyPairSync(name.toLowerCase() as 'x25519');
  const bytes = publicKey.export({ format: 'raw-public' });
  return {
    bytes,
    answerBytes: bytes.length,
    secretWith: (point) =>
      diffieHellman({ privateKey, publicKey: classicalPublicKey(name, point) }),
  };
}

function keyTypeOf(name: string) {
  return name.startsWith('P-')
    ? ({ asymmetricKeyType: 'ec', namedCurve: name } as const)
    : { asymmetricKeyType: name.toLowerCase() as 'x25519' };
}
