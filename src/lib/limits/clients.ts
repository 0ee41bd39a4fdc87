import type { Limit } from './limit.ts';
import { HOUR, KIB, MIB, MINUTE, SECOND } from './limit.ts';

/** Connections and exchanges of clients. */
export const CLIENT_LIMITS = {
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
  maxHandshakeQueue: {
    default: 1024,
    min: 1,
    max: 100_000,
    reason:
      'TLS handshakes that wait, because those of one turn of the event loop take 2 ms together; further ones are refused, and so are those of a source that has three times what is left.',
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
  maxCallsInFlight: {
    default: 8192,
    min: 1,
    max: 1_000_000,
    reason:
      'Calls of all clients without a whole answer, long-lived streams apart; further ones are refused, and so are those of a client that has three times what is left.',
  },
  maxTurnMs: {
    default: 25,
    min: 1,
    max: 60_000,
    reason:
      'CPU time of a usual turn of the event loop. When it takes longer for a second, calls are refused until a turn takes a fifth of it, so that those let in go fast.',
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
  maxAnswerBytesWaiting: {
    default: 512 * MIB,
    min: MIB,
    max: 64 * 1024 * MIB,
    reason:
      'Answers that wait for their readers. A reader for whose next answer there is no room is disconnected, and so is a client that has three times what is left.',
  },
  slowReaderTimeoutMs: {
    default: 2 * MINUTE,
    min: SECOND,
    max: HOUR,
    reason: 'A reader that takes nothing for so long while bytes wait is disconnected.',
  },
} as const satisfies Record<string, Limit>;
