import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { connect } from 'node:tls';

/** A loopback port without TLS whose connections go on over TLS, for clients that speak plain HTTP. */
export interface TlsShim {
  readonly origin: string;
  close(): Promise<void>;
}

/**
 * Starts a shim to a listener on the loopback. Bytes pass unchanged, `Host` included.
 *
 * @param ca PEM of the authorities that the listener is believed by.
 */
export async function startTlsShim(target: string, ca: string): Promise<TlsShim> {
  const port = Number(new URL(target).port);
  const sockets = new Set<Socket>();
  const keep = <S extends Socket>(socket: S): S => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    return socket;
  };
  const server = createServer((incoming) => {
    const tls = { host: '127.0.0.1', port, ca, ecdhCurve: 'X25519MLKEM768' };
    const outgoing = keep(connect(tls));
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
