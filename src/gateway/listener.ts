import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { createSecureContext } from 'node:tls';
import { isLoopback } from '#config';
import type { LinkSecurity } from '#crypto';
import type { EventSink, Limits } from '#lib';
import type { ServerTls } from '#tls';
import { createFront, serverTlsOptions } from '#tls';
import { ListenFailed } from './errors.ts';
import { LinkBook } from './link-book.ts';
import { refuseMalformed } from './malformed.ts';

/** A request together with the link that it came over. */
export type RequestHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  link: LinkSecurity,
) => void;

/** Options of {@link createListener}. */
export interface ListenerOptions {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** `null` for plain HTTP, on loopback alone. */
  readonly tls: ServerTls | null;
  readonly limits: Limits;
  readonly events: EventSink;
  /** Why policy refuses a link that was just made; `null` to take it. */
  readonly refusesLink: (link: LinkSecurity) => string | null;
  readonly onRequest: RequestHandler;
}

/** One open port. */
export interface Listener {
  readonly name: string;
  readonly scheme: 'https' | 'http';
  /** Opens the port. @throws ListenFailed */
  open(): Promise<AddressInfo>;
  /**
   * Makes new connections use another TLS configuration; open ones stay as they are.
   *
   * @throws Error when OpenSSL does not take it; nothing has changed then.
   */
  replaceTls(tls: ServerTls): void;
  /** Takes no further connections and closes idle ones. */
  drain(): void;
  /** Closes every connection; resolves when the port is free. */
  close(): Promise<void>;
}

/** Makes a listener that is not open yet. */
export function createListener(options: ListenerOptions): Listener {
  return options.tls === null
    ? createPlainListener(options)
    : createTlsListener(options, options.tls);
}

function createPlainListener(options: ListenerOptions): Listener {
  if (!isLoopback(options.host)) {
    throw new ListenFailed(`${options.host} is no loopback address, so it needs TLS`);
  }
  const link: LinkSecurity = { kind: 'plain', loopback: true };
  const server = createHttpServer(httpOptions(options.limits));
  server.maxConnections = options.limits.maxConnections;
  // Node takes its own listeners off a socket on CONNECT; without one, a reset would be thrown.
  server.on('connection', (socket) => socket.on('error', () => socket.destroy()));
  refuseMalformed(server, { ...options, speaksHttp: () => true });
  server.on('request', (request, response) => options.onRequest(request, response, link));
  return {
    name: options.name,
    scheme: 'http',
    open: () => listen(server, options),
    replaceTls: () => undefined,
    drain: () => stopAccepting(server, server),
    close: () => closeAll(server, server, new Set()),
  };
}

function createTlsListener(options: ListenerOptions, tls: ServerTls): Listener {
  const server = createHttpsServer({
    ...httpOptions(options.limits),
    ...serverTlsOptions(tls),
    handshakeTimeout: options.limits.handshakeTimeoutMs,
  });
  const links = new LinkBook(options);
  server.prependListener('secureConnection', (socket) => links.enter(socket));
  server.on('tlsClientError', (error, socket) => links.refused(error, socket));
  refuseMalformed(server, {
    ...options,
    speaksHttp: (socket) => links.linkOf(socket as TLSSocket) !== undefined,
  });
  server.on('request', (request, response) => {
    const link = links.linkOf(request.socket as TLSSocket);
    // Without a link the connection was refused and is being destroyed.
    if (link === undefined) response.destroy();
    else options.onRequest(request, response, link);
  });
  const sockets = new Set<Socket>();
  let current = tls;
  const front = createFront({
    listener: options.name,
    acceptor: server,
    tls: () => current,
    limits: options.limits,
    events: options.events,
    onAdmitted: (socket, admission) => links.handshakeBegins(socket, admission),
  });
  front.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return {
    name: options.name,
    scheme: 'https',
    open: () => {
      // It is handed its connections, so only this makes it watch over them: time limits, idleness.
      server.emit('listening');
      return listen(front, options);
    },
    replaceTls: (next) => {
      const context = serverTlsOptions(next);
      createSecureContext(context);
      server.setSecureContext(context);
      current = next;
    },
    drain: () => stopAccepting(front, server),
    close: () => closeAll(front, server, sockets),
  };
}

function httpOptions(limits: Limits) {
  const requestTimeout = limits.requestTimeoutMs;
  // Headers are part of a request; Node does not start with a limit for them beyond the whole's.
  const headersTimeout = Math.min(limits.headersTimeoutMs, requestTimeout);
  return {
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout,
    requestTimeout,
    connectionsCheckingInterval: Math.min(headersTimeout, 10_000) / 5,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    insecureHTTPParser: false,
    requireHostHeader: true,
    noDelay: true,
  };
}

function listen(
  server: NetServer,
  { host, port, name, events }: ListenerOptions,
): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    const onError = (cause: NodeJS.ErrnoException): void => {
      const why = cause.code === 'EADDRINUSE' ? 'the port is in use' : cause.message;
      reject(
        new ListenFailed(`listener ${name} cannot open ${host}:${port}: ${why}`, {
          cause,
          details: { listener: name, host, port },
        }),
      );
    };
    server.once('error', onError);
    server.listen({ host, port }, () => {
      server.off('error', onError);
      server.on('error', (error) => tellAcceptFailed(error, name, events));
      resolve(server.address() as AddressInfo);
    });
  });
}

/** The kernel had no connection to give, mostly for want of file descriptors; the next may do. */
function tellAcceptFailed(error: Error, listener: string, events: EventSink): void {
  events({
    severity: 'error',
    name: 'listener.accept_failed',
    message: `listener ${listener} could not take a connection: ${error.message}`,
    fields: { listener },
  });
}

function stopAccepting(front: NetServer, server: Server): void {
  if (front.listening) front.close();
  server.closeIdleConnections();
}

function closeAll(front: NetServer, server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => resolve();
    if (front.listening) front.close(finish);
    else finish();
    server.closeAllConnections();
    server.close();
    for (const socket of sockets) socket.destroy();
  });
}
