import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from '#lib';
import type { HttpExchange } from '#transport';
import { HttpServer } from '#transport';
import { readBody } from './body.ts';

test('R-14 a body whose client has left before it is read is cut off', async (t) => {
  const http = new HttpServer({ limits: DEFAULT_LIMITS, onFault: () => Buffer.alloc(0) });
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const client = connect(port, '127.0.0.1');
  client.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\npart');
  const [socket] = (await once(server, 'connection')) as [Socket];
  const exchange = await new Promise<HttpExchange>((resolve) => http.take(socket, resolve));
  const closed = new Promise<void>((resolve) => exchange.onceClosed(resolve));
  client.resetAndDestroy();
  await closed;
  await assert.rejects(readBody(exchange, 100, { take: () => undefined }), {
    code: 'POSTERN_REQUEST_REFUSED',
  });
});
