import type { Limit } from './limit.ts';
import { HOUR, KIB, MIB, MINUTE, SECOND } from './limit.ts';

/** Sessions, and the programs that serve them. */
export const SESSION_LIMITS = {
  maxSessionsPerServer: {
    default: 64,
    min: 1,
    max: 100_000,
    reason:
      'Stateful sessions of one server; over stdio each holds a child process, over HTTP+SSE a connection.',
  },
  maxSessionsPerPrincipal: {
    default: 32,
    min: 1,
    max: 100_000,
    reason: 'Stateful sessions of one principal on one server.',
  },
  maxInFlightPerSession: {
    default: 128,
    min: 1,
    max: 100_000,
    reason: 'Unanswered requests of one session.',
  },
  maxQueuedMessages: {
    default: 256,
    min: 1,
    max: 100_000,
    reason:
      'Server messages kept for a session that has no open stream to take them; also messages of a client on HTTP+SSE or stdio that wait for those before them.',
  },
  sessionSetupTimeoutMs: {
    default: 30 * SECOND,
    min: SECOND,
    max: HOUR,
    reason: 'From a session’s start to its client’s `notifications/initialized`.',
  },
  sessionIdleTimeoutMs: {
    default: 5 * MINUTE,
    min: SECOND,
    max: 24 * HOUR,
    reason: 'A session with no open connection and no call ends after this.',
  },
  sessionStreamLostTimeoutMs: {
    default: 30 * SECOND,
    min: SECOND,
    max: 24 * HOUR,
    reason: 'A session whose GET stream went away, with nothing else open, ends after this.',
  },
  sessionMaxAgeMs: {
    default: 24 * HOUR,
    min: MINUTE,
    max: 30 * 24 * HOUR,
    reason: 'A session ends after this however busy it is.',
  },
  maxStatelessChildren: {
    default: 64,
    min: 1,
    max: 10_000,
    reason: 'Child processes of one stdio server that answer sessionless calls.',
  },
  statelessChildIdleMs: {
    default: MINUTE,
    min: SECOND,
    max: 24 * HOUR,
    reason: 'An unused child for sessionless calls is stopped after this.',
  },
  discoverTimeoutMs: {
    default: 20 * SECOND,
    min: 100,
    max: HOUR,
    reason:
      'A stdio program silent on `server/discover` for so long speaks the stateful revisions.',
  },
  childStopGraceMs: {
    default: 2 * SECOND,
    min: 0,
    max: MINUTE,
    reason: 'Time for a child to exit at each step: end of stdin, SIGTERM, SIGKILL.',
  },
  childBackoffMinMs: {
    default: 250,
    min: 10,
    max: MINUTE,
    reason: 'First pause after a child failed to start or died young; it doubles each time.',
  },
  childBackoffMaxMs: {
    default: 30 * SECOND,
    min: 100,
    max: HOUR,
    reason: 'Longest pause between attempts to start a failing child.',
  },
  maxStderrLineBytes: {
    default: 4 * KIB,
    min: 128,
    max: MIB,
    reason: 'A longer line on a child’s stderr is cut in the log.',
  },
  maxStderrLinesPerSecond: {
    default: 50,
    min: 0,
    max: 10_000,
    reason: 'Further lines of a flooding child are counted, not logged.',
  },
} as const satisfies Record<string, Limit>;
