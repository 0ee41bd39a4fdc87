import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import type { TestContext } from 'node:test';

/** A relay on loopback that keeps every byte that a server sent. */
export interface Tap {
  readonly port: number;
  /** What the server has sent over all connections, as TLS records. */
  records(): readonly TlsRecord[];
  /** Resolves when every connection so far has ended on both sides. */
  quiet(): Promise<void>;
}

/** One TLS record in the clear (RFC 8446 §5.1). */
export interface TlsRecord {
  /** 21 alert, 22 handshake, 23 application data. */
  readonly type: number;
  readonly body: Buffer;
}

/**
 * Puts a tap before a port of this machine; it closes after the test.
 *
 * @param options `chopped` sends what comes from the client byte by byte.
 */
export async function openTap(
  t: TestContext,
  port: number,
  options: { readonly chopped?: boolean } = {},
): Promise<Tap> {
  const sockets = new Set<Socket>();
  let seen = Buffer.alloc(0);
  const follow = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    follow(client);
    follow(upstream);
    upstream.on('data', (chunk: Buffer) => {
      seen = Buffer.concat([seen, chunk]);
    });
    if (options.chopped === true) {
      upstream.setNoDelay(true);
      client.on('data', (chunk: Buffer) => {
        for (const byte of chunk) upstream.write(Buffer.of(byte));
      });
    } else {
      client.pipe(upstream);
    }
    upstream.pipe(client);
    client.once('close', () => upstream.destroy());
    upstream.once('close', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    records: () => recordsOf(seen),
    quiet: async () => {
      for (const socket of sockets) await once(socket, 'close');
    },
  };
}

function recordsOf(bytes: Buffer): readonly TlsRecord[] {
  const records: TlsRecord[] = [];
  let at = 0;
  while (at < bytes.length) {
    const end = at + 5 + bytes.readUInt16BE(at + 3);
    records.push({ type: bytes.readUInt8(at), body: bytes.subarray(at + 5, end) });
    at = end;
  }
  return records;
}
