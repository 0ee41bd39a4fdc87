import type { Limit } from './limit.ts';
import { MINUTE, SECOND } from './limit.ts';

/** Many servers behind one endpoint. */
export const FEDERATION_LIMITS = {
  federationDeadlineMs: {
    default: 3 * SECOND,
    min: 10,
    max: 10 * MINUTE,
    reason: 'A list of many servers does not wait longer for one of them; it says what is missing.',
  },
  maxFederationFanOut: {
    default: 32,
    min: 1,
    max: 10_000,
    reason: 'Servers that one request asks at a time.',
  },
  maxFederatedSessions: {
    default: 1024,
    min: 1,
    max: 1_000_000,
    reason:
      'Stateful sessions of endpoints for many servers; each has one on every server it uses.',
  },
  maxFederatedNames: {
    default: 20_000,
    min: 16,
    max: 1_000_000,
    reason: 'Shortened names of one server, and URIs of resources, that are remembered.',
  },
} as const satisfies Record<string, Limit>;
