import type { Limit } from './limit.ts';
import { HOUR, MINUTE, SECOND } from './limit.ts';

/** Exchanges with servers over HTTP. */
export const UPSTREAM_LIMITS = {
  upstreamConnectTimeoutMs: {
    default: 10 * SECOND,
    min: 100,
    max: 5 * MINUTE,
    reason: 'TCP and TLS to an HTTP upstream.',
  },
  upstreamIdleTimeoutMs: {
    default: 5 * MINUTE,
    min: SECOND,
    max: 24 * HOUR,
    reason: 'A call about which the upstream says nothing for so long has failed.',
  },
  callMaxMs: {
    default: HOUR,
    min: SECOND,
    max: 7 * 24 * HOUR,
    reason: 'A call ends after this whatever progress it reports.',
  },
  maxUpstreamConnections: {
    default: 256,
    min: 1,
    max: 100_000,
    reason: 'Connections to one HTTP upstream; a call or a stream holds one.',
  },
  maxUpstreamQueue: {
    default: 1024,
    min: 0,
    max: 1_000_000,
    reason: 'Calls that may wait for a connection; further ones are refused at once.',
  },
  maxUpstreamStreams: {
    default: 4096,
    min: 1,
    max: 1_000_000,
    reason:
      'Long-lived streams from one HTTP upstream; each holds a connection beside the calls’. Also the streams of all clients on HTTP+SSE.',
  },
  maxUpstreamSessions: {
    default: 10_000,
    min: 1,
    max: 1_000_000,
    reason: 'Sessions of one HTTP upstream; the oldest unused one is ended for a new one.',
  },
  upstreamSessionIdleMs: {
    default: HOUR,
    min: SECOND,
    max: 30 * 24 * HOUR,
    reason: 'A session of an HTTP upstream that nobody uses for so long is ended there.',
  },
  upstreamKeepAliveMs: {
    default: 4 * SECOND,
    min: SECOND,
    max: HOUR,
    reason:
      'Idle time of an upstream connection before it is closed; many servers close theirs after 5 s, and a call that meets that is lost.',
  },
  maxExchangedTokens: {
    default: 10_000,
    min: 1,
    max: 1_000_000,
    reason:
      'Callers’ tokens for one server, issued in exchange for their own; the one unused for longest makes room.',
  },
  documentTimeoutMs: {
    default: 10 * SECOND,
    min: 100,
    max: MINUTE,
    reason:
      'A document that the gateway fetches for itself, such as a token, from the first step to the last.',
  },
  maxDocumentBytes: {
    default: 256 * 1024,
    min: 4096,
    max: 16 * 1024 * 1024,
    reason: 'Size of such a document; the keys of a large issuer have some tens of KiB.',
  },
} as const satisfies Record<string, Limit>;
