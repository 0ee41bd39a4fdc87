/**
 * Every bound of the gateway in one place: its default, its unit (in the name) and its reason.
 *
 * `postern.yaml` overrides them under `limits:` with the same names in snake_case.
 */

interface Limit {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  /** Why the bound exists and why its default is what it is. */
  readonly reason: string;
}

const KIB = 1024;
const MIB = 1024 * KIB;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

export const LIMITS = {
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
    reason: 'Request bodies of all clients that are being received; further ones are refused.',
  },
  maxHeaderBytes: {
    default: 32 * KIB,
    min: 8 * KIB,
    max: 256 * KIB,
    reason: 'All request headers together; an ML-DSA DPoP proof alone is about 8 KB.',
  },
  maxConnections: {
    default: 20_000,
    min: 1,
    max: 1_000_000,
    reason: 'Open client connections of one listener; each idle one costs about 30 KB.',
  },
  maxHelloBytes: {
    default: 32 * KIB,
    min: 4 * KIB,
    max: 128 * KIB,
    reason: 'A ClientHello; with two post-quantum key shares and a ticket it has about 4 KB.',
  },
  maxHandshakesPerSource: {
    default: 256,
    min: 1,
    max: 100_000,
    reason: 'Unfinished TLS handshakes of one address, or of one /64 of IPv6.',
  },
  maxHandshakesPerSecondPerSource: {
    default: 200,
    min: 1,
    max: 100_000,
    reason:
      'TLS handshakes of one address over time, five seconds’ worth at once; one costs about 1 ms of a core. Raise it behind a TCP proxy, which makes all clients one source.',
  },
  handshakeTimeoutMs: {
    default: 10 * SECOND,
    min: 100,
    max: 5 * MINUTE,
    reason: 'From accept to the end of the TLS handshake; stops half-open clients.',
  },
  headersTimeoutMs: {
    default: 15 * SECOND,
    min: 100,
    max: 5 * MINUTE,
    reason: 'From the first byte of a request to the end of its headers; stops slow senders.',
  },
  requestTimeoutMs: {
    default: 60 * SECOND,
    min: 100,
    max: HOUR,
    reason: 'From the first byte of a request to the end of its body.',
  },
  keepAliveTimeoutMs: {
    default: 75 * SECOND,
    min: SECOND,
    max: HOUR,
    reason: 'Idle time of a client connection between requests.',
  },
  heartbeatMs: {
    default: 25 * SECOND,
    min: SECOND,
    max: 10 * MINUTE,
    reason: 'SSE comment on silent streams, so that middle boxes do not cut them.',
  },
  sseBufferBytes: {
    default: MIB,
    min: 16 * KIB,
    max: 64 * MIB,
    reason: 'Bytes that may wait for a slow reader before the upstream is paused.',
  },
  slowReaderTimeoutMs: {
    default: 2 * MINUTE,
    min: SECOND,
    max: HOUR,
    reason: 'A reader that takes nothing for so long while bytes wait is disconnected.',
  },
  maxSessionsPerServer: {
    default: 64,
    min: 1,
    max: 100_000,
    reason: 'Stateful sessions of one server; over stdio each holds a child process.',
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
    reason: 'Server messages kept for a session that has no open stream to take them.',
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
    reason: 'Long-lived streams from one HTTP upstream; each holds a connection beside the calls’.',
  },
  maxUpstreamSessions: {
    default: 10_000,
    min: 1,
    max: 1_000_000,
    reason:
      'Session ids of one HTTP upstream that are remembered; the oldest unused one goes first.',
  },
  upstreamKeepAliveMs: {
    default: 4 * SECOND,
    min: SECOND,
    max: HOUR,
    reason:
      'Idle time of an upstream connection before it is closed; many servers close theirs after 5 s, and a call that meets that is lost.',
  },
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

/** Name of one bound. */
export type LimitName = keyof typeof LIMITS;

/** The bounds in force. */
export type Limits = Readonly<Record<LimitName, number>>;

/** Every bound at its default. */
export const DEFAULT_LIMITS: Limits = Object.fromEntries(
  Object.entries(LIMITS).map(([name, limit]) => [name, limit.default]),
) as Record<LimitName, number>;
