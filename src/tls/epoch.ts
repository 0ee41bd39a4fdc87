import type { Server, TLSSocket } from 'node:tls';
import { createServer } from 'node:tls';
import type { ServerTls } from './server-options.ts';
import { serverTlsOptions } from './server-options.ts';

/** What comes of an epoch's handshakes. */
export interface EpochHandlers {
  readonly handshakeTimeoutMs: number;
  readonly onSecure: (socket: TLSSocket) => void;
  readonly onFailed: (error: Error, socket: TLSSocket) => void;
}

/**
 * One TLS configuration of a listener: its certificates, keys, algorithms and authorities. It never
 * changes; a reload makes the next epoch for new connections, while those of this one go on.
 *
 * Each has a TLS server of its own, because Node fixes groups, ciphers and versions for a server.
 */
export class Epoch {
  /** Counts the epochs of a listener from 1. */
  readonly id: number;
  readonly tls: ServerTls;
  /** Not listening: it is given its connections. */
  readonly server: Server;
  /** Handshakes that ended with a connection. */
  established = 0;
  /** Handshakes that ended without one; of a canary, also hellos refused that the stable epoch takes. */
  failed = 0;
  /** When it stopped taking new connections, on the clock of performance.now(). */
  endedAt: number | null = null;

  /** @throws Error when OpenSSL does not take the configuration. */
  constructor(id: number, tls: ServerTls, handlers: EpochHandlers) {
    this.id = id;
    this.tls = tls;
    const { handshakeTimeoutMs: handshakeTimeout } = handlers;
    this.server = createServer({ ...serverTlsOptions(tls), handshakeTimeout });
    this.server.on('secureConnection', handlers.onSecure);
    this.server.on('tlsClientError', handlers.onFailed);
  }
}
