import type { Socket } from 'node:net';
import { Slots } from '#lib';
import type { HttpExchange } from './http-exchange.ts';
import type { ServerOptions } from './server-connection.ts';
import { ServerConnection } from './server-connection.ts';

/** The HTTP/1.1 server of a listener, which hands it connections. */
export class HttpServer {
  readonly #options: Omit<ServerOptions, 'onExchange'>;
  readonly #connections = new Slots<ServerConnection>();
  #isDraining = false;

  constructor(options: Omit<ServerOptions, 'onExchange'>) {
    this.#options = options;
  }

  /** Serves a connection until it ends. @param socket that nobody else reads from or writes to. */
  take(socket: Socket, onExchange: (exchange: HttpExchange) => void): void {
    const { limits, onFault } = this.#options;
    const connection = new ServerConnection(socket, { limits, onFault, onExchange });
    const slot = this.#connections.add(connection);
    socket.once('close', () => this.#connections.remove(slot));
    if (this.#isDraining) connection.drain();
  }

  /** Ends idle connections, and the others after the exchange that they carry. */
  drain(): void {
    this.#isDraining = true;
    for (const connection of this.#connections) connection.drain();
  }

  /** Cuts every connection. */
  close(): void {
    this.#isDraining = true;
    for (const { socket } of this.#connections) socket.destroy();
  }
}
