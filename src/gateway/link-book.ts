import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { LinkSecurity } from '#crypto';
import { describeLink } from '#crypto';
import type { EventSink } from '#lib';
import { messageOf } from '#lib';
import { readIngressLink, refusalOf } from '#tls';

interface LinkBookOptions {
  readonly name: string;
  readonly events: EventSink;
  readonly refusesLink: (link: LinkSecurity) => string | null;
}

/** Where and when a handshake began. */
interface Handshake {
  readonly source: string | undefined;
  /** On the clock of performance.now(). */
  readonly beganAt: number;
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

  handshakeBegins(socket: Socket): void {
    const key = peerKey(socket);
    const handshake = { source: socket.remoteAddress, beganAt: performance.now() };
    this.#handshakes.set(key, handshake);
    socket.once('close', () => {
      this.#handshakes.delete(key);
      this.#lastClosed = handshake;
    });
  }

  /** Reads the link of a connection whose handshake has just ended; destroys it on any doubt. */
  enter(socket: TLSSocket): void {
    const key = peerKey(socket);
    const now = performance.now();
    const { beganAt = now } = this.#handshakes.get(key) ?? {};
    this.#handshakes.delete(key);
    const handshakeMs = Math.round((now - beganAt) * 10) / 10;
    // Errors end in 'close'; without a listener they would be thrown.
    socket.on('error', () => undefined);
    try {
      this.#take(socket, readIngressLink(socket, handshakeMs));
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

  #take(socket: TLSSocket, link: LinkSecurity): void {
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
    this.#options.events({
      severity: 'debug',
      name: 'tls.connected',
      message: 'connection accepted',
      fields: { listener: this.#options.name, source: socket.remoteAddress, ...describeLink(link) },
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
