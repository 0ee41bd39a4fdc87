import type { Limit } from './limit.ts';
import { HOUR, KIB, MIB, MINUTE, SECOND } from './limit.ts';

/** What is kept of the streams of sessions for clients whose connection was lost. */
export const RESUMPTION_LIMITS = {
  primeAfterMs: {
    default: SECOND,
    min: 10,
    max: HOUR,
    reason:
      'A call of a session that is silent for so long is answered with an event stream, which can be taken up again; before, a lost connection loses the answer.',
  },
  resumeWindowMs: {
    default: 5 * MINUTE,
    min: SECOND,
    max: 24 * HOUR,
    reason:
      'A client that lost a stream may come back for so long; then its events go, and its call ends.',
  },
  maxStoredEventsPerStream: {
    default: 1000,
    min: 1,
    max: 1_000_000,
    reason: 'Events of one stream that are kept; the oldest one goes first.',
  },
  maxStoredBytesPerStream: {
    default: 16 * MIB,
    min: KIB,
    max: 1024 * MIB,
    reason: 'Kept events of one stream, each with 256 bytes more for what it costs besides.',
  },
  maxStoredBytesPerSession: {
    default: 16 * MIB,
    min: KIB,
    max: 1024 * MIB,
    reason: 'Kept events of one session; those of the stream that is silent longest go first.',
  },
  maxStoredBytesPerPrincipal: {
    default: 32 * MIB,
    min: KIB,
    max: 16 * 1024 * MIB,
    reason: 'Kept events of one principal, so that nobody pushes out those of the others.',
  },
  maxStoredBytes: {
    default: 128 * MIB,
    min: KIB,
    max: 64 * 1024 * MIB,
    reason: 'Kept events of all clients.',
  },
} as const satisfies Record<string, Limit>;
