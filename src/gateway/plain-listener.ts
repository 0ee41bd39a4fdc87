import { createServer } from 'node:http';
import { isLoopback } from '#config';
import type { LinkSecurity } from '#crypto';
import { ListenFailed } from './errors.ts';
import { closeAll, httpOptions, listen, stopAccepting } from './http-server.ts';
import type { Arrival, Listener, ListenerOptions } from './listener.ts';
import { refuseMalformed } from './malformed.ts';

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
  const server = createServer(httpOptions(options.limits));
  server.maxConnections = options.limits.maxConnections;
  // Node takes its own listeners off a socket on CONNECT; without one, a reset would be thrown.
  server.on('connection', (socket) => socket.on('error', () => socket.destroy()));
  refuseMalformed(server, options);
  server.on('request', (request, response) => options.onRequest(request, response, arrival));
  return {
    name: options.name,
    scheme: 'http',
    open: () => listen(server, options),
    use: () => undefined,
    report: () => null,
    drainOld: () => undefined,
    destroyRefused: () => 0,
    drain: () => stopAccepting(server, server),
    close: () => closeAll(server, server, new Set()),
  };
}
