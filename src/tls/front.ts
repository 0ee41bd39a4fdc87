import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import type { EventSink, Limits } from '#lib';
import type { AlertName } from './alert.ts';
import { alertRecord } from './alert.ts';
import type { ClientHello } from './client-hello/hello.ts';
import { HelloReader } from './client-hello/reader.ts';
import type { Epoch } from './epoch.ts';
import type { Epochs } from './epochs.ts';
import { HandshakeLine } from './handshake-line.ts';
import { ja4 } from './ja4.ts';
import { refusalOfHello } from './judge-hello.ts';
import { SourceLimits, sourceOf } from './source-limits.ts';

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
  const line = new HandshakeLine(limits.maxHandshakeQueue);
  const server = createServer({ pauseOnConnect: false, noDelay: true }, (socket) => {
    new Arrival(socket, { ...options, sources, line }).receive();
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

interface ArrivalOptions extends FrontOptions {
  readonly sources: SourceLimits;
  readonly line: HandshakeLine;
}

/** A connection until its handshake begins. */
class Arrival {
  readonly #socket: Socket;
  readonly #source: string;
  readonly #options: ArrivalOptions;
  readonly #reader: HelloReader;
  /** What came after the hello, before the handshake could begin. */
  readonly #more: Buffer[] = [];
  #timer: NodeJS.Timeout | undefined;
  /** A client that waits for its turn has gone. */
  #onLeft = (): void => undefined;
  #over = false;

  constructor(socket: Socket, options: ArrivalOptions) {
    this.#socket = socket;
    // A client that has gone already has no address any more.
    this.#source = socket.remoteAddress ?? 'unknown';
    this.#options = options;
    this.#reader = new HelloReader(options.limits.maxHelloBytes);
  }

  receive(): void {
    const socket = this.#socket;
    this.#waitAtMost('the client sent no whole ClientHello in time');
    socket.once('close', this.#stopWaiting);
    // Errors end in 'close'; without a listener they would be thrown.
    socket.on('error', () => undefined);
    socket.on('data', this.#onData);
  }

  #waitAtMost(reason: string): void {
    this.#timer = setTimeout(() => {
      this.#tell('timeout', reason);
      this.#socket.destroy();
    }, this.#options.limits.handshakeTimeoutMs);
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
    const limit = this.#options.sources.begin(this.#source, performance.now());
    if (limit !== null) {
      this.#tell(limit, 'the source begins too many handshakes');
      this.#socket.destroy();
      return;
    }
    this.#lineUp({
      hello,
      epoch,
      onHandshakeOver: () => this.#handshakeOver(),
    });
  }

  /** Waits for its turn; a client that leaves meanwhile, or says too much, costs nothing further. */
  #lineUp(admission: Admission): void {
    const { line } = this.#options;
    const socket = this.#socket;
    let begun = false;
    const leave = line.join(sourceOf(this.#source), () => {
      begun = true;
      this.#handOn(admission);
    });
    if (begun) return;
    if (leave === null) {
      this.#tell('too_many_waiting', 'too many handshakes wait for their turn');
      this.#handshakeOver();
      socket.destroy();
      return;
    }
    this.#waitAtMost('the handshake could not begin in time');
    socket.on('data', this.#onMore);
    this.#onLeft = () => {
      leave();
      this.#stopWaiting();
      this.#handshakeOver();
    };
    socket.once('close', this.#onLeft);
  }

  readonly #onMore = (chunk: Buffer): void => {
    this.#more.push(chunk);
    const bytes = this.#more.reduce((sum, each) => sum + each.length, 0);
    if (bytes > this.#options.limits.maxHelloBytes) this.#socket.destroy();
  };

  #handshakeOver(): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.sources.end(this.#source);
  }

  #handOn(admission: Admission): void {
    const socket = this.#socket;
    this.#stopWaiting();
    socket.off('data', this.#onMore);
    socket.off('close', this.#onLeft);
    socket.pause();
    socket.unshift(Buffer.concat([this.#reader.received(), ...this.#more]));
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
