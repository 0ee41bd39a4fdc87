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

/** Remembers what each connection of a listener negotiated, and destroys those that are in doubt. */
export class LinkBook {
  readonly #options: LinkBookOptions;
  readonly #links = new WeakMap<TLSSocket, LinkSecurity>();
  /** When the handshake of each connection began, by address and port of the client. */
  readonly #began = new Map<string, number>();

  constructor(options: LinkBookOptions) {
    this.#options = options;
  }

  handshakeBegins(socket: Socket): void {
    const key = peerKey(socket);
    this.#began.set(key, performance.now());
    socket.once('close', () => this.#began.delete(key));
  }

  /** Reads the link of a connection whose handshake has just ended; destroys it on any doubt. */
  enter(socket: TLSSocket): void {
    const key = peerKey(socket);
    const now = performance.now();
    const handshakeMs = Math.round((now - (this.#began.get(key) ?? now)) * 10) / 10;
    this.#began.delete(key);
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
    const why = badCertificate(socket);
    if (why === null) {
      const { kind, reason } = refusalOf(error);
      this.#tell(socket, kind, reason);
    } else {
      this.#tell(socket, 'bad_certificate', why);
    }
    socket.destroy();
  }

  #take(socket: TLSSocket, link: LinkSecurity): void {
    const why = badCertificate(socket);
    if (why !== null) {
      this.#destroy(socket, 'bad_certificate', why);
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
    this.#options.events({
      severity: 'warn',
      name: 'tls.handshake_refused',
      message: `connection refused: ${reason}`,
      fields: { listener: this.#options.name, source: socket.remoteAddress, kind },
    });
  }
}

/** What is wrong with the certificate that the client showed; `null` when nothing, or without one. */
function badCertificate(socket: TLSSocket): string | null {
  if (socket.getPeerX509Certificate() === undefined || socket.authorized) return null;
  return `the client's certificate does not verify: ${String(socket.authorizationError)}`;
}

function peerKey(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}
