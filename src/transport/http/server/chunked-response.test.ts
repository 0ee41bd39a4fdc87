import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { ChunkedResponse } from './chunked-response.ts';

const HEAD = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';

/** What the socket is given, write by write. */
function recorded(): { readonly socket: PassThrough; readonly writes: string[] } {
  const writes: string[] = [];
  const socket = new PassThrough({
    transform(chunk: Buffer, _encoding, done) {
      writes.push(chunk.toString('latin1'));
      done(null, chunk);
    },
  });
  socket.resume();
  return { socket, writes };
}

test('R-14 what a turn writes leaves as one chunk, with the head or the end of the same turn', async () => {
  const { socket, writes } = recorded();
  const response = new ChunkedResponse(socket, HEAD);
  response.write(Buffer.from('one'));
  response.write(Buffer.from('two'));
  assert.deepEqual(writes, []);
  await turn();
  assert.deepEqual(writes, [`${HEAD}6\r\nonetwo\r\n`]);

  response.write(Buffer.from('three'));
  const written = Promise.withResolvers<void>();
  response.end(() => written.resolve());
  await written.promise;
  await turn();
  assert.deepEqual(writes.slice(1), ['5\r\nthree\r\n0\r\n\r\n']);
});

test('R-14 a head without a body yet leaves with its turn, and an end alone is the last chunk', async () => {
  const { socket, writes } = recorded();
  const response = new ChunkedResponse(socket, HEAD);
  await turn();
  response.end(() => undefined);
  await turn();
  assert.deepEqual(writes, [HEAD, '0\r\n\r\n']);
});

test('R-14 a flood does not wait for the end of the turn, and is told to', async () => {
  const socket = new PassThrough({ highWaterMark: 1024 });
  const response = new ChunkedResponse(socket, HEAD);
  assert.equal(response.write(Buffer.alloc(1000)), true);
  assert.equal(response.write(Buffer.alloc(64 * 1024)), false);
  assert.ok(socket.readableLength + socket.writableLength > 64 * 1024);
  const drained = once(socket, 'drain');
  socket.resume();
  await drained;
  assert.equal(response.write(Buffer.from('more')), true);
});

test('R-14 nothing is written to a connection that was lost', async () => {
  const { socket, writes } = recorded();
  const response = new ChunkedResponse(socket, HEAD);
  response.write(Buffer.from('one'));
  socket.destroy();
  await turn();
  assert.deepEqual(writes, []);
});
