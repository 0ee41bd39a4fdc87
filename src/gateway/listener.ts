import type { AddressInfo } from 'node:net';
import type { LinkSecurity, PeerCertificate } from '#crypto';
import type { EventSink, Limits, PosternError } from '#lib';
import type { EpochPlan, ServerTls } from '#tls';
import type { HttpExchange } from '#transport';
import { createPlainListener } from './plain-listener.ts';
import { createTlsListener } from './tls-listener.ts';

/** How a request came in. */
export interface Arrival {
  readonly link: LinkSecurity;
  /** Whether the connection is to end as soon as it can: it is of an epoch that is over. */
  readonly isOutdated: () => boolean;
  /** Whether a certificate that its client has shown is refused by now. */
  readonly isRefused: () => boolean;
  /** Why the request is refused whatever it says; `null` when it is not. */
  readonly refusal: PosternError | null;
}

/** A request together with the connection that it came over. */
export type RequestHandler = (exchange: HttpExchange, arrival: Arrival) => void;

/** Options of {@link createListener}. */
export interface ListenerOptions {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Whether others of this process listen there too, each to its share of the connections. */
  readonly reusePort: boolean;
  /** Decides which clients a sticky canary is for: the same for all who listen there. */
  readonly canarySalt: Buffer;
  /** `null` for plain HTTP, on loopback alone. */
  readonly tls: ServerTls | null;
  readonly limits: Limits;
  readonly events: EventSink;
  /** Why policy refuses a link that was just made; `null` to take it. */
  readonly refusesLink: (link: LinkSecurity) => string | null;
  /** Why a client is refused whatever its link is; `null` to take it. */
  readonly refusesPeer: (peer: PeerCertificate) => string | null;
  /** Called when a configuration on trial fails more handshakes than the one it is to replace. */
  readonly onCanaryUnfit: (reason: string) => void;
  readonly onRequest: RequestHandler;
}

/** One open port. */
export interface Listener {
  readonly name: string;
  readonly scheme: 'https' | 'http';
  /** Opens the port. @throws ListenFailed */
  open(): Promise<AddressInfo>;
  /**
   * Makes new connections follow a plan; open ones stay as they are for a while.
   *
   * @throws Error when OpenSSL does not take it; nothing has changed then.
   */
  use(plan: EpochPlan): void;
  /** What its connections are; `null` without TLS. */
  report(): ListenerReport | null;
  /** Makes the connections of epochs that are over end now, each after the call that it carries. */
  drainOld(): void;
  /** Destroys the connections of clients that are refused now, and tells how many they were. */
  destroyRefused(): number;
  /** Takes no further connections and closes idle ones. */
  drain(): void;
  /** Closes every connection; resolves when the port is free. */
  close(): Promise<void>;
}

/** What a listener's connections are, for people. */
export interface ListenerReport {
  readonly stable: EpochReport;
  readonly canary: (EpochReport & CanaryReport) | null;
  /** Open connections of epochs that are over. */
  readonly oldConnections: number;
}

/** An epoch in force. */
export interface EpochReport {
  readonly epoch: number;
  readonly profile: string;
  /** Open connections. */
  readonly connections: number;
  /** Handshakes that succeeded and failed. */
  readonly established: number;
  readonly failed: number;
}

/** How a canary does. */
export interface CanaryReport {
  readonly percent: number;
  readonly sticky: boolean;
  /** Hellos that the stable epoch takes, and how many of them the canary refuses or would. */
  readonly clientsSeen: number;
  readonly clientsRefused: number;
}

/** Makes a listener that is not open yet. */
export function createListener(options: ListenerOptions): Listener {
  return options.tls === null
    ? createPlainListener(options)
    : createTlsListener(options, options.tls);
}
