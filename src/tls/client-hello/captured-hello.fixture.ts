/** Hellos of real clients, taken off a TCP socket. */
import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { connect } from 'node:tls';

/** Longest time for another program; its connection is cut long before. */
const PROGRAM_TIMEOUT_MS = 10_000;

/** The first flight of Node's own TLS client: whole records. */
export async function helloOfNode(options: ConnectionOptions = {}): Promise<Buffer> {
  return await capture(
    (port) =>
      new Promise((resolve) => {
        const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
        // The server hangs up in the middle of the handshake.
        socket.on('error', () => undefined);
        socket.once('close', () => resolve());
      }),
  );
}

/**
 * The first flight of a program.
 *
 * @param command what to run for the port of the server: words between single spaces.
 */
export async function helloOfProgram(command: (port: number) => string): Promise<Buffer> {
  return await capture(
    (port) =>
      new Promise((resolve) => {
        const [program = '', ...args] = command(port).split(' ');
        const child = execFile(program, args, { timeout: PROGRAM_TIMEOUT_MS }, () => resolve());
        child.stdin?.end();
      }),
  );
}

/** Why tests with a program cannot run here, or `false`. */
export function whyWithout(command: string): string | false {
  const { error } = spawnSync(command, ['--help'], { stdio: 'ignore' });
  return error === undefined ? false : `${command} is not on this machine`;
}

async function capture(runClient: (port: number) => Promise<void>): Promise<Buffer> {
  const first = Promise.withResolvers<Buffer>();
  const server = createServer((socket) => {
    collectRecord(socket).then(first.resolve, first.reject);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const client = runClient((server.address() as AddressInfo).port);
    const ended = client.then(() => Promise.reject(new Error('the client sent no hello')));
    const hello = await Promise.race([first.promise, ended]);
    await client;
    return hello;
  } finally {
    server.close();
  }
}

/** The first record, then hangs up. Real clients put their hello into one. */
async function collectRecord(socket: Socket): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    bytes = Buffer.concat([bytes, chunk]);
    if (bytes.length >= 5 && bytes.length >= 5 + bytes.readUInt16BE(3)) break;
  }
  socket.destroy();
  return bytes;
}
