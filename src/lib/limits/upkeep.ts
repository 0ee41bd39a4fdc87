import type { Limit } from './limit.ts';
import { HOUR, KIB, MIB, MINUTE, SECOND } from './limit.ts';

/** Record, certificates, and the end of things. */
export const UPKEEP_LIMITS = {
  maxRecordQueue: {
    default: 20_000,
    min: 1,
    max: 10_000_000,
    reason: 'Entries that may wait for the disk; further calls are refused.',
  },
  recordStallTimeoutMs: {
    default: 5 * SECOND,
    min: 10,
    max: HOUR,
    reason: 'A write of the record that hangs for so long stops new calls.',
  },
  maxRecordFileBytes: {
    default: 256 * MIB,
    min: 64 * KIB,
    max: 64 * 1024 * MIB,
    reason: 'The record goes on in a new file after this.',
  },
  certificateLifetimeMs: {
    default: 24 * HOUR,
    min: SECOND,
    max: 30 * 24 * HOUR,
    reason: 'Of the gateway’s own certificates; they are renewed, with new keys, after two thirds.',
  },
  issuingCaMaxAgeMs: {
    default: 365 * 24 * HOUR,
    min: 24 * HOUR,
    max: 365 * 24 * HOUR,
    reason:
      'The running gateway replaces an issuing CA after this, if the keys of the roots are at hand; what it issued stays valid.',
  },
  sealingKeyMaxAgeMs: {
    default: 30 * 24 * HOUR,
    min: MINUTE,
    max: 365 * 24 * HOUR,
    reason:
      'The running gateway replaces its own sealing key after this; the one before still opens until the sessions of its time are over.',
  },
  connectionDrainMs: {
    default: HOUR,
    min: 0,
    max: 30 * 24 * HOUR,
    reason:
      'Connections from before a change of certificates or profile end between calls, spread over this time.',
  },
  drainTimeoutMs: {
    default: 10 * SECOND,
    min: 0,
    max: HOUR,
    reason: 'Time for calls in flight to finish when the gateway stops.',
  },
} as const satisfies Record<string, Limit>;
