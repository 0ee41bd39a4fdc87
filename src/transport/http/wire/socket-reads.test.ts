import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { SocketReads } from './socket-reads.ts';

interface Pair {
  readonly reads: SocketReads;
  readonly socket: Socket;
  readonly server: Socket;
}

async function pair(t: TestContext): Promise<Pair> {
  const listener = createServer().listen(0, '127.0.0.1');
  t.after(() => listener.close());
  await once(listener, 'listening');
  const { port } = listener.address() as { port: number };
  const reads = new SocketReads();
  const socket = connect({ port, host: '127.0.0.1', onread: reads });
  const [server] = (await once(listener, 'connection')) as [Socket];
  t.after(() => [socket, server].map((each) => each.destroy()));
  return { reads, socket, server };
}

test('R-14 every read comes in the same buffer, in order and whole', async (t) => {
  const { reads, socket, server } = await pair(t);
  const sent = Buffer.from(Array.from({ length: 1_000_000 }, (_, at) => at % 251));
  const came: Buffer[] = [];
  const buffers = new Set<unknown>();
  reads.listen((bytes) => {
    buffers.add(bytes.buffer);
    came.push(Buffer.from(bytes));
  });
  server.end(sent);
  socket.resume();
  await once(socket, 'end');
  assert.deepEqual(Buffer.concat(came), sent);
  assert.equal(buffers.size, 1);
});

test('R-14 what comes before anybody listens is not lost, and no more of it is read', async (t) => {
  const { reads, socket, server } = await pair(t);
  const sent = Buffer.alloc(20_000_000, 'early');
  server.end(sent);
  while (socket.bytesRead === 0) await new Promise(setImmediate);
  const early = socket.bytesRead;
  for (let turns = 0; turns < 20; turns += 1) await new Promise(setImmediate);
  assert.equal(socket.bytesRead, early);
  const came: Buffer[] = [];
  reads.listen((bytes) => came.push(Buffer.from(bytes)));
  socket.resume();
  await once(socket, 'end');
  assert.deepEqual(Buffer.concat(came), sent);
});

test('R-14 a paused socket reads nothing until it is resumed', async (t) => {
  const { reads, socket, server } = await pair(t);
  const seen = { bytes: 0 };
  reads.listen((chunk) => {
    seen.bytes += chunk.length;
    socket.pause();
  });
  server.write(Buffer.alloc(5_000_000));
  socket.resume();
  while (seen.bytes === 0) await new Promise(setImmediate);
  const first = seen.bytes;
  for (let turns = 0; turns < 20; turns += 1) await new Promise(setImmediate);
  assert.equal(seen.bytes, first);
  while (seen.bytes < 5_000_000) {
    socket.resume();
    await new Promise(setImmediate);
  }
});
