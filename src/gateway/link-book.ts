import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { LinkSecurity, TlsLink } from '#crypto';
import { describeLink } from '#crypto';
import type { EventSink } from '#lib';
import { messageOf } from '#lib';
import type { Admission, HandshakeStart } from '#tls';
import { readIngressLink, refusalOf } from '#tls';

interface LinkBookOptions {
  readonly name: string;
  readonly events: EventSink;
  readonly refusesLink: (link: LinkSecurity) => string | null;
}

/** A handshake on its way. */
interface Handshake extends HandshakeStart {
  readonly source: string | undefined;
  /** On the clock of performance.now(). */
  readonly beganAt: number;
  readonly over: () => void;
}

/** Remembers what each connection of a listener negotiated, and destroys those that are in doubt. */
export class LinkBook {
  readonly #options: LinkBookOptions;
  readonly #links = new WeakMap<TLSSocket, LinkSecurity>();
  /** By address and port of the client. */
  readonly #handshakes = new Map<string, Handshake>();
  #lastClosed: Handshake | undefined;

  constructor(options: LinkBookOptions) {
    this.#options = options;
  }

  handshakeBegins(socket: Socket, { hello, tls, onHandshakeOver }: Admission): void {
    const key = peerKey(socket);
    const handshake: Handshake = {
      hello,
      tls,
      source: socket.remoteAddress,
      beganAt: performance.now(),
      over: onHandshakeOver,
    };
    this.#handshakes.set(key, handshake);
    socket.once('close', () => {
      this.#end(key, handshake);
      this.#lastClosed = handshake;
    });
  }

  /** Reads the link of a connection whose handshake has just ended; destroys it on any doubt. */
  enter(socket: TLSSocket): void {
    const key = peerKey(socket);
    const handshake = this.#handshakes.get(key);
    // Errors end in 'close'; without a listener they would be thrown.
    socket.on('error', () => undefined);
    if (handshake === undefined) {
      this.#destroy(socket, 'unreadable', 'its ClientHello is not known');
      return;
    }
    this.#end(key, handshake);
    const handshakeMs = Math.round((performance.now() - handshake.beganAt) * 10) / 10;
    try {
      this.#take(socket, readIngressLink(socket, handshakeMs, handshake));
    } catch (thrown) {
      this.#destroy(socket, 'unreadable', messageOf(thrown));
    }
  }

  linkOf(socket: TLSSocket): LinkSecurity | undefined {
    return this.#links.get(socket);
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

  #end(key: string, handshake: Handshake): void {
    // Clients that have gone already have no address, and share a key.
    if (this.#handshakes.get(key) === handshake) this.#handshakes.delete(key);
    handshake.over();
  }

  #take(socket: TLSSocket, link: TlsLink): void {
    if (socket.getPeerX509Certificate() !== undefined && !socket.authorized) {
      this.#destroy(socket, 'bad_certificate', unverified(socket));
      return;
    }
    const weak = this.#options.refusesLink(link);
    if (weak !== null) {
      this.#destroy(socket, 'weak_link', weak);
      return;
    }
    this.#links.set(socket, link);
    this.#tellAccepted(socket, link);
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

  #destroy(socket: TLSSocket, kind: string, reason: string): void {
    this.#tell(socket, kind, reason);
    socket.destroy();
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

function unverified({ authorizationError }: TLSSocket): string {
  return `the client's certificate does not verify: ${String(authorizationError)}`;
}

function peerKey(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}
