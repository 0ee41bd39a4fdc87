/** What listeners with and without TLS have in common: the HTTP server and its life. */
import type { Server } from 'node:http';
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import type { EventSink, Limits } from '#lib';
import { ListenFailed } from './errors.ts';
import type { ListenerOptions } from './listener.ts';

/** Time limits and strictness of the HTTP server. */
export function httpOptions(limits: Limits) {
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

/** Opens the port. @throws ListenFailed */
export function listen(
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

/** Takes no further connections and closes idle ones. */
export function stopAccepting(front: NetServer, server: Server): void {
  if (front.listening) front.close();
  server.closeIdleConnections();
}

/** Closes every connection; resolves when the port is free. */
export function closeAll(
  front: NetServer,
  server: Server,
  sockets: ReadonlySet<Socket>,
): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => resolve();
    if (front.listening) front.close(finish);
    else finish();
    server.closeAllConnections();
    server.close();
    for (const socket of sockets) socket.destroy();
  });
}
