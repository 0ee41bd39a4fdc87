import type { Limit } from './limit.ts';
import { HOUR, KIB, MIB, MINUTE, SECOND } from './limit.ts';

/** Access tokens of clients, and the keys of those who issue them. */
export const TOKEN_LIMITS = {
  maxTokenBytes: {
    default: 16 * KIB,
    min: KIB,
    max: 64 * KIB,
    reason: 'One access token or DPoP proof; a signature by ML-DSA-87 alone takes 6 KB.',
  },
  maxTokenLifetimeMs: {
    default: 24 * HOUR,
    min: MINUTE,
    max: 30 * 24 * HOUR,
    reason: 'A token cannot be taken back, so one that lasts for longer is refused.',
  },
  tokenLeewayMs: {
    default: MINUTE,
    min: SECOND,
    max: 5 * MINUTE,
    reason: 'Clocks of issuers and clients may differ from the gateway’s by so much.',
  },
  maxVerifiedTokens: {
    default: 10_000,
    min: 1,
    max: 1_000_000,
    reason: 'Tokens whose verification is remembered; one more means one verification more.',
  },
  maxRememberedProofs: {
    default: 250_000,
    min: 1000,
    max: 10_000_000,
    reason:
      'DPoP proofs that came within two leeways, each about 100 bytes; when full, further ones are refused rather than taken twice.',
  },
  maxKeySetBytes: {
    default: 256 * KIB,
    min: KIB,
    max: 4 * MIB,
    reason: 'The keys of one issuer; a key of ML-DSA-87 takes 4 KB.',
  },
  keySetTimeoutMs: {
    default: 5 * SECOND,
    min: 10,
    max: MINUTE,
    reason: 'A call waits no longer for an issuer’s keys.',
  },
  keySetRefreshMs: {
    default: 5 * MINUTE,
    min: SECOND,
    max: 24 * HOUR,
    reason: 'Keys are asked for again after this; the time that a withdrawn key is believed.',
  },
  keySetCooldownMs: {
    default: 30 * SECOND,
    min: 10,
    max: HOUR,
    reason: 'Between two questions for keys, however many tokens name unknown ones.',
  },
  keySetStaleMs: {
    default: HOUR,
    min: 0,
    max: 7 * 24 * HOUR,
    reason: 'While an issuer cannot be reached, its last keys are believed for so long.',
  },
} as const satisfies Record<string, Limit>;
