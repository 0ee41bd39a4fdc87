import type { Limits } from '#lib';
import { Gate } from './gate.ts';

/** Where the exchanges with one server are counted, whichever of its endpoints has them. */
export interface Gates {
  /** Requests that have an answer. */
  readonly calls: Gate;
  /** Notifications, answers to the server, and the end of a session. */
  readonly answers: Gate;
  /** What stays open for as long as the client wants. */
  readonly streams: Gate;
}

/**
 * Streams are counted apart, since they would otherwise take the place of calls for hours. So are
 * answers to the server's own questions: a call may wait for one, and must not be what it waits for.
 */
export function createGates(limits: Limits): Gates {
  const { maxUpstreamConnections, maxUpstreamStreams } = limits;
  const calls = {
    max: maxUpstreamConnections,
    maxQueue: limits.maxUpstreamQueue,
    waitMs: limits.upstreamIdleTimeoutMs,
    limit: 'max_upstream_connections',
  };
  const streams = { max: maxUpstreamStreams, maxQueue: 0, limit: 'max_upstream_streams' };
  return {
    calls: new Gate(calls),
    answers: new Gate(calls),
    streams: new Gate({ ...calls, ...streams }),
  };
}
