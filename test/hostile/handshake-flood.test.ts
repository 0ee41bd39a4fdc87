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
import { until } from '../support/until.ts';
import type { OpenServer } from './support/http-servers.ts';
import { listen, reader, wellBehaved } from './support/http-servers.ts';
import { RawConnection } from './support/raw-http.ts';

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

/** Counts the sockets of a flood as they are answered or closed. */
function watch(flood: readonly Socket[]) {
  const over = { answered: 0, refused: 0 };
  for (const socket of flood) {
    let answered = false;
    socket.once('data', () => {
      answered = true;
      over.answered += 1;
    });
    socket.once('close', () => (over.refused += answered ? 0 : 1));
  }
  return over;
}

test('R-10 connections that are up, and other sources, do not wait for one that begins very many', async () => {
  const hello = await helloBytes();
  const flood = await Promise.all(Array.from({ length: FLOOD }, () => connected('127.0.0.2')));
  const guest = await connected('127.0.0.3');
  // Connections are accepted in their order, so by now those before it have been.
  const up = await RawConnection.open(postern);
  const over = watch(flood);
  const ahead = { guest: FLOOD, up: FLOOD };
  const guestAnswered = once(guest, 'data');
  guest.once('data', () => (ahead.guest = over.answered));
  up.socket.once('data', () => (ahead.up = over.answered));
  // Everything is there when it looks.
  postern.process.kill('SIGSTOP');
  for (const socket of [...flood, guest]) socket.write(hello);
  up.socket.write('GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await new Promise((resolve) => guest.write('', resolve));
  postern.process.kill('SIGCONT');
  await guestAnswered;
  await until('all of the flood is over', () => over.answered + over.refused === FLOOD);
  assert.ok(ahead.guest < SHARE / 2, `the guest waited for ${ahead.guest}`);
  assert.ok(ahead.up < SHARE / 2, `the connection waited for ${ahead.up}`);
  assert.ok(over.answered >= SHARE, `${over.answered} were answered`);
  assert.ok(over.refused > 0, 'some found no room');
  const { fields } = await postern.logged(
    ({ event, fields: told }) =>
      event === 'tls.handshake_refused' && (told as { kind?: string }).kind === 'too_many_waiting',
  );
  assert.equal((fields as { source?: string }).source, '127.0.0.2');
  for (const socket of [guest, ...flood, up.socket]) socket.destroy();
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
