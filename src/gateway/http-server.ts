/** What listeners with and without TLS have in common: the HTTP server and its life. */
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import type { EventSink } from '#lib';
import { HttpServer } from '#transport';
import { ListenFailed } from './errors.ts';
import type { ListenerOptions } from './listener.ts';
import { refuseMalformed } from './malformed.ts';

/** The HTTP server of a listener. */
export function httpServerFor(options: ListenerOptions): HttpServer {
  const { limits } = options;
  const headersTimeoutMs = Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs);
  return new HttpServer({
    limits: { ...limits, headersTimeoutMs },
    onFault: (fault, socket) => refuseMalformed(fault, socket, options),
  });
}

/** Opens the port. @throws ListenFailed */
export function listen(
  server: NetServer,
  {
    host,
    port,
    reusePort,
    name,
    events,
  }: Pick<ListenerOptions, 'host' | 'port' | 'reusePort' | 'name' | 'events'>,
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
    server.listen({ host, port, reusePort }, () => {
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
export function stopAccepting(front: NetServer, http: HttpServer): void {
  if (front.listening) front.close();
  http.drain();
}

/** Closes every connection; resolves when the port is free. */
export function closeAll(
  front: NetServer,
  http: HttpServer,
  sockets: Iterable<Socket>,
): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => resolve();
    if (front.listening) front.close(finish);
    else finish();
    http.close();
    for (const socket of sockets) socket.destroy();
  });
}
