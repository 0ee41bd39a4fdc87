import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { LinkSecurity, PeerCertificate, TlsLink } from '#crypto';
import { describeLink } from '#crypto';
import type { EventSink } from '#lib';
import { messageOf } from '#lib';
import type { Admission, Epoch } from '#tls';
import { foreignRefusal, readIngressLink, refusalOf } from '#tls';

interface LinkBookOptions {
  readonly name: string;
  readonly events: EventSink;
  readonly refusesLink: (link: LinkSecurity) => string | null;
  /** Why a client is refused whatever its link is, `null` when it is not. */
  readonly refusesPeer: (peer: PeerCertificate) => string | null;
  /** Called at the end of each handshake, with whether a connection came of it. */
  readonly onHandshakeOver: (epoch: Epoch, established: boolean) => void;
}

/** An open connection. */
export interface Connection {
  readonly socket: TLSSocket;
  /** Replaced when its client proves more about itself. */
  link: TlsLink;
  /** The certificate of its client's second proof. */
  secondPeer: PeerCertificate | null;
  /** No root that is trusted by now stands above its client's certificate. */
  distrusted: boolean;
  readonly epoch: Epoch;
  /** Between 0 and 1: when in the time for ending old connections it is this one's turn. */
  readonly turn: number;
}

/** A handshake on its way. */
interface Handshake extends Admission {
  readonly source: string | undefined;
  /** On the clock of performance.now(). */
  readonly beganAt: number;
  over: boolean;
}

/** Remembers what each connection of a listener negotiated, and destroys those that are in doubt. */
export class LinkBook {
  readonly #options: LinkBookOptions;
  readonly #connections = new Map<TLSSocket, Connection>();
  /** By address and port of the client. */
  readonly #handshakes = new Map<string, Handshake>();
  #lastClosed: Handshake | undefined;

  constructor(options: LinkBookOptions) {
    this.#options = options;
  }

  handshakeBegins(socket: Socket, admission: Admission): void {
    const key = peerKey(socket);
    const handshake: Handshake = {
      ...admission,
      source: socket.remoteAddress,
      beganAt: performance.now(),
      over: false,
    };
    this.#handshakes.set(key, handshake);
    socket.once('close', () => {
      this.#end(key, handshake, false);
      this.#lastClosed = handshake;
    });
  }

  /**
   * Reads the link of a connection whose handshake has just ended; destroys it on any doubt.
   *
   * @returns the connection, `null` when it is not taken.
   */
  enter(socket: TLSSocket): Connection | null {
    const handshake = this.#handshakes.get(peerKey(socket));
    // Errors end in 'close'; without a listener they would be thrown.
    socket.on('error', () => undefined);
    if (handshake === undefined) {
      return this.#destroy(socket, 'unreadable', 'its ClientHello is not known');
    }
    const link = this.#readLink(socket, handshake);
    this.#end(peerKey(socket), handshake, link !== null);
    if (link === null) return null;
    const { epoch } = handshake;
    const fresh = { secondPeer: null, distrusted: false, turn: Math.random() };
    const connection: Connection = { socket, link, epoch, ...fresh };
    this.#connections.set(socket, connection);
    socket.once('close', () => this.#connections.delete(socket));
    this.#tellAccepted(socket, link);
    return connection;
  }

  /** Every open connection. */
  connections(): Iterable<Connection> {
    return this.#connections.values();
  }

  /** Tells why a handshake failed; OpenSSL has sent the alert already. */
  refused(error: Error, socket: TLSSocket): void {
    if (socket.authorizationError) {
      // Where a certificate is required, Node itself hangs up on a bad one and tells nothing more.
      this.#tell(socket, 'bad_certificate', unverified(socket));
    } else {
      const { kind, reason } = refusalOf(error);
      this.#tell(socket, kind, reason);
    }
    socket.destroy();
  }

  #end(key: string, handshake: Handshake, established: boolean): void {
    // Clients that have gone already have no address, and share a key.
    if (this.#handshakes.get(key) === handshake) this.#handshakes.delete(key);
    if (handshake.over) return;
    handshake.over = true;
    handshake.onHandshakeOver();
    this.#options.onHandshakeOver(handshake.epoch, established);
  }

  /** The link as negotiated, or `null` when the connection was destroyed. */
  #readLink(socket: TLSSocket, { hello, epoch, beganAt }: Handshake): TlsLink | null {
    const handshakeMs = Math.round((performance.now() - beganAt) * 10) / 10;
    let link: TlsLink;
    try {
      link = readIngressLink(socket, handshakeMs, { hello, tls: epoch.tls });
    } catch (thrown) {
      return this.#destroy(socket, 'unreadable', messageOf(thrown));
    }
    if (socket.getPeerX509Certificate() !== undefined && !socket.authorized) {
      return this.#destroy(socket, 'bad_certificate', unverified(socket));
    }
    const refused = link.peer === null ? null : this.#options.refusesPeer(link.peer);
    if (refused !== null) return this.#destroy(socket, 'revoked_certificate', refused);
    const foreign = foreignIn(socket, link, epoch);
    if (foreign !== null) return this.#destroy(socket, 'foreign_name', foreign);
    const weak = this.#options.refusesLink(link);
    return weak === null ? link : this.#destroy(socket, 'weak_link', weak);
  }

  #tellAccepted(socket: TLSSocket, link: TlsLink): void {
    const fields = { listener: this.#options.name, source: socket.remoteAddress };
    if (link.downgrades.includes('key_exchange')) {
      this.#options.events({
        severity: 'alert',
        name: 'tls.downgraded',
        message: 'connection accepted without quantum-safe key exchange: the client has none',
        fields: { ...fields, ...describeLink(link) },
      });
      return;
    }
    this.#options.events({
      severity: 'debug',
      name: 'tls.connected',
      message: 'connection accepted',
      fields: {
        ...fields,
        group: link.group.name,
        local_signature: link.localSignature?.name ?? null,
        handshake_ms: link.handshakeMs,
      },
    });
  }

  #destroy(socket: TLSSocket, kind: string, reason: string): null {
    this.#tell(socket, kind, reason);
    socket.destroy();
    return null;
  }

  #tell(socket: TLSSocket, kind: string, reason: string): void {
    // A TLS socket that is closed knows its client no more; it closes together with the one below it.
    const source = socket.remoteAddress ?? this.#lastClosed?.source;
    this.#options.events({
      severity: 'warn',
      name: 'tls.handshake_refused',
      message: `connection refused: ${reason}`,
      fields: { listener: this.#options.name, source, kind },
    });
  }
}

function foreignIn(socket: TLSSocket, { peer }: TlsLink, { tls }: Epoch): string | null {
  const certificate = tls.foreignNames === null ? undefined : socket.getPeerX509Certificate();
  return certificate === undefined
    ? null
    : foreignRefusal(certificate, peer?.spiffeId ?? null, tls);
}

function unverified({ authorizationError }: TLSSocket): string {
  return `the client's certificate does not verify: ${String(authorizationError)}`;
}

function peerKey(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}
