import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import type { EventSink, Limits } from '#lib';

/** First byte of a TLS record that carries a handshake (RFC 8446 §5.1). */
const HANDSHAKE_RECORD = 0x16;

const PLAIN_HTTP_ANSWER =
  'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n' +
  'This port speaks TLS 1.3 only: use https://\n';

/** What comes after the front: takes sockets whose first byte is a TLS handshake. */
export interface TlsAcceptor {
  emit(event: 'connection', socket: Socket): boolean;
}

/** Options of {@link createFront}. */
export interface FrontOptions {
  readonly listener: string;
  readonly acceptor: TlsAcceptor;
  readonly limits: Limits;
  readonly events: EventSink;
  /** Called with each socket that goes on to the handshake. */
  readonly onHandshake: (socket: Socket) => void;
}

/**
 * The TCP server in front of a TLS server. It waits for the first bytes of each connection, within
 * the time for a handshake, answers those that are no TLS handshake and hands the rest on.
 *
 * The TLS server wraps the native handle of the socket it is given, so no JavaScript is left in the
 * data path.
 */
export function createFront(options: FrontOptions): Server {
  const { limits } = options;
  const server = createServer({ pauseOnConnect: false, noDelay: true }, (socket) => {
    receiveFirstBytes(socket, options);
  });
  server.maxConnections = limits.maxConnections;
  server.on('drop', (drop) => {
    options.events({
      severity: 'warn',
      name: 'listener.connection_dropped',
      message: `listener ${options.listener} is full`,
      fields: { listener: options.listener, source: drop?.remoteAddress },
    });
  });
  return server;
}

function receiveFirstBytes(socket: Socket, options: FrontOptions): void {
  const source = socket.remoteAddress;
  const refuse = (kind: string, reason: string): void => {
    options.events({
      severity: 'warn',
      name: 'tls.handshake_refused',
      message: `connection refused: ${reason}`,
      fields: { listener: options.listener, source, kind },
    });
  };
  const timer = setTimeout(() => {
    refuse('timeout', 'the client sent nothing in time');
    socket.destroy();
  }, options.limits.handshakeTimeoutMs);
  const stopWaiting = (): void => clearTimeout(timer);
  socket.once('close', stopWaiting);
  // Errors end in 'close'; without a listener they would be thrown.
  socket.on('error', () => undefined);
  socket.once('data', (first: Buffer) => {
    clearTimeout(timer);
    socket.off('close', stopWaiting);
    if (first[0] === HANDSHAKE_RECORD) {
      socket.pause();
      socket.unshift(first);
      options.onHandshake(socket);
      options.acceptor.emit('connection', socket);
      return;
    }
    refuse('not_tls', 'the client did not start a TLS handshake');
    // Whatever follows is discarded; the answer is for a person who typed http://.
    socket.on('data', () => undefined);
    const answer = looksLikeHttp(first) ? PLAIN_HTTP_ANSWER : '';
    socket.end(answer, () => socket.destroy());
  });
}

function looksLikeHttp(first: Buffer): boolean {
  return /^[A-Z]{3,8} /.test(first.toString('latin1', 0, 9));
}
