import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { connect } from 'node:tls';

/** A loopback port without TLS whose connections go on over TLS, for clients that speak plain HTTP. */
export interface TlsShim {
  readonly origin: string;
  close(): Promise<void>;
}

/** The listener that a shim leads to. */
export interface TlsTarget {
  /** An origin on the loopback. */
  readonly origin: string;
  /** PEM of the authorities that it is believed by. */
  readonly ca: string;
}

/**
 * Starts a shim. Bytes pass unchanged, `Host` included.
 *
 * @param target is asked with each connection, since the listener has to know the shim's origin.
 */
export async function startTlsShim(target: () => TlsTarget): Promise<TlsShim> {
  const sockets = new Set<Socket>();
  const keep = <S extends Socket>(socket: S): S => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    return socket;
  };
  const server = createServer((incoming) => {
    const { origin, ca } = target();
    const port = Number(new URL(origin).port);
    const outgoing = keep(connect({ host: '127.0.0.1', port, ca, ecdhCurve: 'X25519MLKEM768' }));
    keep(incoming).pipe(outgoing).pipe(incoming);
    // How a client goes away matters: to the gateway it is a cancellation.
    incoming.on('close', () => outgoing.destroy());
    outgoing.on('close', () => incoming.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
