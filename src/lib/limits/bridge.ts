import type { Limit } from './limit.ts';
import { HOUR, MINUTE, SECOND } from './limit.ts';

/** Clients of one era before servers of the other. */
export const BRIDGE_LIMITS = {
  maxBridgedSessionsPerPrincipal: {
    default: 8,
    min: 1,
    max: 10_000,
    reason:
      'Sessions that the bridge keeps with one stateful server for one principal; where the server may ask the client, each serves one call at a time and further calls wait.',
  },
  maxBridgedSessionsPerServer: {
    default: 48,
    min: 1,
    max: 100_000,
    reason: 'The same for all principals together; over stdio each holds a child process.',
  },
  bridgedSessionIdleMs: {
    default: MINUTE,
    min: SECOND,
    max: 24 * HOUR,
    reason: 'An unused session with a stateful server is ended after this.',
  },
  heldCallTimeoutMs: {
    default: 5 * MINUTE,
    min: SECOND,
    max: HOUR,
    reason:
      'A call whose client was asked for input and does not come back is given up after this.',
  },
  clientInputTimeoutMs: {
    default: 10 * MINUTE,
    min: SECOND,
    max: HOUR,
    reason: 'A client’s answer to what a server asks amid a call: a person may have to think.',
  },
  maxInputRounds: {
    default: 32,
    min: 1,
    max: 10_000,
    reason: 'Times that a server may ask for input in one call.',
  },
  maxInputRequests: {
    default: 16,
    min: 1,
    max: 1000,
    reason: 'Requests for input of a server at a time.',
  },
} as const satisfies Record<string, Limit>;
