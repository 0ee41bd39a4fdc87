import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { test } from 'node:test';
import { readBody } from './body.ts';

test('R-14 a body whose client has left before it is read is cut off', async (t) => {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1');
  socket.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\npart');
  const [request] = (await once(server, 'request')) as [IncomingMessage];
  request.once('error', () => undefined);
  // Not `once` of node:events, which takes the error of a lost connection for a failure.
  const closed = new Promise((resolve) => request.socket.once('close', resolve));
  socket.resetAndDestroy();
  await closed;
  await assert.rejects(readBody(request, 100, { take: () => undefined }), {
    code: 'POSTERN_REQUEST_REFUSED',
  });
});
