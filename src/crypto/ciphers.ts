/** TLS 1.3 cipher suites as rows. Adding one is adding a row, and its test vectors. */
import type { Algorithm } from './algorithm.ts';
import type { Terms } from './calendars.ts';
import { TERMS } from './calendars.ts';
import type { Hash } from './hashes.ts';
import { hashRow } from './hashes.ts';

/** One TLS 1.3 cipher suite (IANA "TLS Cipher Suites"); its name is IANA's, OpenSSL's and Node's. */
export interface Cipher extends Algorithm {
  readonly kind: 'cipher';
  /** IANA code point. */
  readonly ianaId: number;
  readonly keyBits: number;
  /** Hash of the key schedule. */
  readonly hash: Hash;
}

const row = (
  name: string,
  ianaId: number,
  keyBits: number,
  hash: string,
  terms: Terms,
  alias: string,
): Cipher =>
  Object.freeze({
    kind: 'cipher',
    name,
    aliases: [alias],
    standard: 'RFC 8446',
    quantumSafe: true,
    nistCategory: keyBits === 256 ? 5 : 1,
    terms,
    ianaId,
    keyBits,
    hash: hashRow(hash),
  });

const CIPHERS: readonly Cipher[] = [
  row('TLS_AES_256_GCM_SHA384', 0x1302, 256, 'SHA-384', TERMS.cnsa2, 'AES-256-GCM'),
  row('TLS_CHACHA20_POLY1305_SHA256', 0x1303, 256, 'SHA-256', TERMS.unlisted, 'ChaCha20-Poly1305'),
  row('TLS_AES_128_GCM_SHA256', 0x1301, 128, 'SHA-256', TERMS.lasting, 'AES-128-GCM'),
];

/** Every known suite, in registry order. */
export function allCiphers(): readonly Cipher[] {
  return CIPHERS;
}
