import type { Limit } from './limit.ts';
import { KIB, MIB } from './limit.ts';

/** One message and the bodies that carry it. */
export const MESSAGE_LIMITS = {
  maxRequestBytes: {
    default: 4 * MIB,
    min: KIB,
    max: 256 * MIB,
    reason: 'One message from a client. Arguments are rarely over 1 MB.',
  },
  maxMessageBytes: {
    default: 16 * MIB,
    min: KIB,
    max: 256 * MIB,
    reason: 'One message from an upstream: results carry files and images.',
  },
  maxJsonDepth: {
    default: 128,
    min: 8,
    max: 1024,
    reason: 'Nesting of one message. Real tool schemas stay under 40.',
  },
  maxJsonKeys: {
    default: 100_000,
    min: 100,
    max: 10_000_000,
    reason: 'Object keys of one message, which cost more than their bytes.',
  },
  maxJsonKeyBytes: {
    default: 8 * KIB,
    min: 256,
    max: MIB,
    reason: 'One object key, as written. Keys are names; the longest real ones are URIs.',
  },
  maxJsonNumberBytes: {
    default: 128,
    min: 32,
    max: 4 * KIB,
    reason: 'One number, as written. Parsers refuse long ones, round them, or take quadratic time.',
  },
  maxBatchMessages: {
    default: 64,
    min: 1,
    max: 10_000,
    reason: 'Messages in one body of revision 2025-03-26; each is a call of its own.',
  },
  maxBodyBytesInFlight: {
    default: 256 * MIB,
    min: MIB,
    max: 64 * 1024 * MIB,
    reason: 'Request bodies of all clients until their calls have ended; further ones are refused.',
  },
  maxHeaderBytes: {
    default: 32 * KIB,
    min: 8 * KIB,
    max: 256 * KIB,
    reason: 'All request headers together; an ML-DSA DPoP proof alone is about 8 KB.',
  },
} as const satisfies Record<string, Limit>;
