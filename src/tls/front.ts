import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import type { EventSink, Limits } from '#lib';
import type { AlertName } from './alert.ts';
import { alertRecord } from './alert.ts';
import type { ClientHello } from './client-hello/hello.ts';
import { HelloReader } from './client-hello/reader.ts';
import type { Epoch } from './epoch.ts';
import type { Epochs } from './epochs.ts';
import { ja4 } from './ja4.ts';
import { refusalOfHello } from './judge-hello.ts';
import { SourceLimits } from './source-limits.ts';

const PLAIN_HTTP_ANSWER =
  'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n\r\n' +
  'This port speaks TLS 1.3 only: use https://\n';

/** How long a refused client may take to hang up. */
const LINGER_MS = 1000;

/** A connection that goes on to its handshake. */
export interface Admission {
  readonly hello: ClientHello;
  readonly epoch: Epoch;
  /** To be called when the handshake is over, whatever came of it; again does nothing. */
  readonly onHandshakeOver: () => void;
}

/** Options of {@link createFront}. */
export interface FrontOptions {
  readonly listener: string;
  readonly epochs: Epochs;
  readonly limits: Limits;
  readonly events: EventSink;
  /** Called with each socket just before its epoch's TLS server gets it. */
  readonly onAdmitted: (socket: Socket, admission: Admission) => void;
}

/**
 * The TCP server in front of a TLS server. It reads the ClientHello of each connection, within the
 * time for a handshake; offers that cannot succeed get an alert and not a byte more, the others are
 * handed on.
 *
 * The TLS server wraps the native handle of the socket it is given, so no JavaScript is left in the
 * data path.
 */
export function createFront(options: FrontOptions): Server {
  const { limits } = options;
  const sources = new SourceLimits({
    inFlight: limits.maxHandshakesPerSource,
    perSecond: limits.maxHandshakesPerSecondPerSource,
  });
  const server = createServer({ pauseOnConnect: false, noDelay: true }, (socket) => {
    new Arrival(socket, sources, options).receive();
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

/** A connection until its hello is complete. */
class Arrival {
  readonly #socket: Socket;
  readonly #source: string;
  readonly #sources: SourceLimits;
  readonly #options: FrontOptions;
  readonly #reader: HelloReader;
  #timer: NodeJS.Timeout | undefined;
  #over = false;

  constructor(socket: Socket, sources: SourceLimits, options: FrontOptions) {
    this.#socket = socket;
    // A client that has gone already has no address any more.
    this.#source = socket.remoteAddress ?? 'unknown';
    this.#sources = sources;
    this.#options = options;
    this.#reader = new HelloReader(options.limits.maxHelloBytes);
  }

  receive(): void {
    const socket = this.#socket;
    this.#timer = setTimeout(() => {
      this.#tell('timeout', 'the client sent no whole ClientHello in time');
      socket.destroy();
    }, this.#options.limits.handshakeTimeoutMs);
    socket.once('close', this.#stopWaiting);
    // Errors end in 'close'; without a listener they would be thrown.
    socket.on('error', () => undefined);
    socket.on('data', this.#onData);
  }

  readonly #stopWaiting = (): void => clearTimeout(this.#timer);

  readonly #onData = (chunk: Buffer): void => {
    const progress = this.#reader.push(chunk);
    if (progress.kind === 'more') return;
    this.#stopWaiting();
    this.#socket.off('close', this.#stopWaiting);
    this.#socket.off('data', this.#onData);
    switch (progress.kind) {
      case 'complete':
        this.#judge(progress.hello);
        return;
      case 'unreadable':
        this.#refuse('unreadable_hello', progress.reason, 'decode_error');
        return;
      case 'not_tls':
        this.#refuse('not_tls', 'the client did not start a TLS handshake', null);
    }
  };

  #judge(hello: ClientHello): void {
    const { epochs } = this.#options;
    const epoch = epochs.choose(this.#source);
    const refusal = refusalOfHello(hello, epoch.tls.profile);
    epochs.judged(epoch, hello, refusal !== null);
    if (refusal !== null) {
      this.#refuse(refusal.kind, refusal.reason, refusal.alert, { ja4: ja4(hello) });
      return;
    }
    const limit = this.#sources.begin(this.#source, performance.now());
    if (limit !== null) {
      this.#tell(limit, 'the source begins too many handshakes');
      this.#socket.destroy();
      return;
    }
    this.#handOn({
      hello,
      epoch,
      onHandshakeOver: () => this.#handshakeOver(),
    });
  }

  #handshakeOver(): void {
    if (this.#over) return;
    this.#over = true;
    this.#sources.end(this.#source);
  }

  #handOn(admission: Admission): void {
    const socket = this.#socket;
    socket.pause();
    socket.unshift(this.#reader.received());
    this.#options.onAdmitted(socket, admission);
    admission.epoch.server.emit('connection', socket);
  }

  /**
   * Whatever follows is read and dropped for a moment: the kernel takes back an answer when it closes
   * a connection with unread bytes.
   */
  #refuse(kind: string, reason: string, alert: AlertName | null, more: object = {}): void {
    this.#tell(kind, reason, more);
    const socket = this.#socket;
    socket.on('data', () => undefined);
    const answer = alert === null ? answerToNoTls(this.#reader.received()) : alertRecord(alert);
    socket.end(answer);
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once('close', () => clearTimeout(timer));
  }

  #tell(kind: string, reason: string, more: object = {}): void {
    const { listener, events } = this.#options;
    events({
      severity: 'warn',
      name: 'tls.handshake_refused',
      message: `connection refused: ${reason}`,
      fields: { listener, source: this.#source, kind, ...more },
    });
  }
}

/** For a person who typed http://; nothing for the rest. */
function answerToNoTls(first: Buffer): string {
  return /^[A-Z]{3,8} /.test(first.toString('latin1', 0, 9)) ? PLAIN_HTTP_ANSWER : '';
}
