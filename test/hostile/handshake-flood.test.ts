/** Very many handshakes at once, while a connection that is up has calls to make. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Socket } from 'node:net';
import { connect as connectTcp } from 'node:net';
import { duplexPair } from 'node:stream';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { callerNamed } from '../support/identified.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { request, send } from '../support/raw.ts';
import type { OpenServer } from './support/http-servers.ts';
import { listen, reader, wellBehaved } from './support/http-servers.ts';

const FLOOD = 150;
const QUEUE = 100;
/** What one source may have of it. */
const SHARE = 75;

let upstream: OpenServer;
let postern: TestPostern;
before(async () => {
  upstream = await listen(createServer(reader(wellBehaved)));
  postern = await startTestPostern({
    servers: { remote: { http: { url: `http://127.0.0.1:${upstream.port}/` } } },
    limits: {
      max_handshakes_per_source: 10_000,
      max_handshakes_per_second_per_source: 10_000,
      max_handshake_queue: QUEUE,
    },
  });
});
after(async () => {
  await postern.stop();
  await upstream.close();
});

async function helloBytes(): Promise<Buffer> {
  const [near, far] = duplexPair();
  const client = connectTls({ socket: near, ecdhCurve: 'X25519MLKEM768' });
  client.on('error', () => undefined);
  const [hello] = (await once(far, 'data')) as [Buffer];
  client.destroy();
  return hello;
}

async function connected(localAddress: string): Promise<Socket> {
  const port = Number(new URL(postern.endpoint).port);
  const socket = connectTcp({ host: '127.0.0.1', port, localAddress });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

test('R-10 calls and other sources come through while one source begins very many handshakes', async () => {
  const caller = await callerNamed(postern, null);
  const call = () =>
    send(caller.fetch, postern.url('remote'), request(1, 'tools/call', { name: 'x' }));
  assert.equal((await call()).status, 200);
  const hello = await helloBytes();
  const flood = await Promise.all(Array.from({ length: FLOOD }, () => connected('127.0.0.2')));
  const over = { answered: 0, refused: 0 };
  const outcomes = flood.map(async (socket) => {
    const answered = await Promise.race([
      once(socket, 'data').then(() => true),
      once(socket, 'close').then(() => false),
    ]);
    over[answered ? 'answered' : 'refused'] += 1;
  });
  for (const socket of flood) socket.write(hello);
  const guest = connectTls({
    socket: await connected('127.0.0.3'),
    ca: postern.ca,
    ecdhCurve: 'X25519MLKEM768',
  });
  await Promise.all([once(guest, 'secureConnect'), call()]);
  assert.ok(over.answered < SHARE, `${over.answered} of the flood went before both`);
  await Promise.all(outcomes);
  assert.ok(over.answered >= SHARE, `${over.answered}`);
  const { fields } = await postern.logged(
    ({ event, fields: told }) =>
      event === 'tls.handshake_refused' && (told as { kind?: string }).kind === 'too_many_waiting',
  );
  assert.equal((fields as { source?: string }).source, '127.0.0.2');
  for (const socket of [guest, ...flood]) socket.destroy();
  assert.equal((await call()).status, 200);
  await caller.close();
});

test('R-10 who leaves the line is not waited for', async () => {
  const hello = await helloBytes();
  const flood = await Promise.all(Array.from({ length: SHARE }, () => connected('127.0.0.2')));
  for (const socket of flood) socket.write(hello);
  for (const socket of flood) socket.destroy();
  const caller = await callerNamed(postern, null);
  assert.equal(
    (await send(caller.fetch, postern.url('remote'), request(1, 'tools/call', { name: 'x' })))
      .status,
    200,
  );
  await caller.close();
});
