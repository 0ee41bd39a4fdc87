import type { LinkSecurity } from '#crypto';
import type { Limits } from '#lib';
import type { Socket } from 'node:net';
import { CallCancelled, UpstreamUnavailable } from '../errors.ts';
import type { Connect } from './connect.ts';
import { HttpConnection } from './wire/http-connection.ts';

/** One connection to the server, which carries one exchange at a time. */
export interface Connection {
  readonly http: HttpConnection;
  readonly socket: Socket;
  readonly link: LinkSecurity;
  /** Names and values of headers that its first request carries besides. */
  readonly greeting: readonly string[];
  /** It has carried an exchange before: the server may be closing it right now. */
  reused: boolean;
  /** First error of the socket. */
  failure: Error | null;
  /** Generation of settings with which it was made. */
  readonly generation: number;
}

type PoolLimits = Pick<Limits, 'upstreamKeepAliveMs' | 'maxHeaderBytes' | 'upstreamIdleTimeoutMs'>;

/** The connections to one server. How many there may be is not its business: see gate.ts. */
export class Pool {
  readonly #host: string;
  readonly #connect: Connect;
  readonly #limits: PoolLimits;
  readonly #closing = new AbortController();
  readonly #open = new Set<Connection>();
  readonly #connecting = new Set<Promise<Connection>>();
  /** The most recently used one is last and goes first, so that the rest can run out. */
  #idle: Connection[] = [];
  #generation = 0;

  constructor(url: URL, connect: Connect, limits: PoolLimits) {
    this.#host = url.host;
    this.#connect = connect;
    this.#limits = limits;
  }

  /** Open connections, busy and idle. */
  get size(): number {
    return this.#open.size;
  }

  /** Its connections end because the gateway wants it. */
  get isClosing(): boolean {
    return this.#closing.signal.aborted;
  }

  /**
   * An idle connection or a new one.
   *
   * @throws what the connector throws; UpstreamUnavailable once closed.
   */
  take(signal: AbortSignal): Connection | Promise<Connection> {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    const connecting = this.#make(AbortSignal.any([signal, this.#closing.signal]));
    this.#connecting.add(connecting);
    const settled = (): void => {
      this.#connecting.delete(connecting);
    };
    connecting.then(settled, settled);
    return connecting;
  }

  /** Gives back a connection whose exchange is over. */
  release(connection: Connection): void {
    if (connection.socket.destroyed) return;
    if (this.#closing.signal.aborted || connection.generation !== this.#generation) {
      connection.socket.destroy();
      return;
    }
    connection.reused = true;
    this.#idle.push(connection);
  }

  /** Lets no connection carry another exchange: idle ones close now, busy ones when they are done. */
  recycle(): void {
    this.#generation += 1;
    for (const connection of this.#idle.splice(0)) connection.socket.destroy();
  }

  /** Ends every connection, busy ones too; resolves when all are closed. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#connecting);
    const closed = [...this.#open].map(
      ({ socket }) => new Promise((resolve) => socket.destroy().once('close', resolve)),
    );
    await Promise.all(closed);
  }

  async #make(signal: AbortSignal): Promise<Connection> {
    const generation = this.#generation;
    if (this.#closing.signal.aborted) throw closedError();
    const { socket, reads, link, greeting } = await this.#dial(signal);
    const http = new HttpConnection(socket, reads, {
      host: this.#host,
      maxHeaderBytes: this.#limits.maxHeaderBytes,
      silenceMs: this.#limits.upstreamIdleTimeoutMs,
      keepAliveMs: this.#limits.upstreamKeepAliveMs,
    });
    const connection: Connection = {
      http,
      socket,
      link,
      greeting,
      reused: false,
      failure: null,
      generation,
    };
    this.#open.add(connection);
    socket.once('error', (error) => {
      connection.failure = error;
    });
    socket.once('close', () => {
      this.#open.delete(connection);
      const index = this.#idle.indexOf(connection);
      if (index !== -1) this.#idle.splice(index, 1);
    });
    return connection;
  }

  async #dial(signal: AbortSignal): ReturnType<Connect> {
    try {
      return await this.#connect(signal);
    } catch (error) {
      const byClosing = error instanceof CallCancelled && this.#closing.signal.aborted;
      throw byClosing ? closedError() : error;
    }
  }
}

function closedError(): Error {
  return new UpstreamUnavailable('the gateway is closing its connections to the server');
}
