import { createServer } from 'node:net';
import { isLoopback } from '#config';
import type { LinkSecurity } from '#crypto';
import { ListenFailed } from './errors.ts';
import { closeAll, httpServerFor, listen, stopAccepting } from './http-server.ts';
import type { Arrival, Listener, ListenerOptions } from './listener.ts';

/** A listener without TLS. @throws ListenFailed for an address that is not this machine's alone. */
export function createPlainListener(options: ListenerOptions): Listener {
  if (!isLoopback(options.host)) {
    throw new ListenFailed(`${options.host} is no loopback address, so it needs TLS`);
  }
  const link: LinkSecurity = { kind: 'plain', loopback: true };
  const arrival: Arrival = {
    link,
    isOutdated: () => false,
    isRefused: () => false,
    refusal: null,
  };
  const http = httpServerFor(options);
  // Who says no more than half a request can still be answered.
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    http.take(socket, (exchange) => options.onRequest(exchange, arrival));
  });
  server.maxConnections = options.limits.maxConnections;
  return {
    name: options.name,
    scheme: 'http',
    open: () => listen(server, options),
    use: () => undefined,
    report: () => null,
    drainOld: () => undefined,
    destroyRefused: () => 0,
    drain: () => stopAccepting(server, http),
    close: () => closeAll(server, http, []),
  };
}
