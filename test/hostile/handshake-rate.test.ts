/** One source that begins more handshakes than its share, while others come as well. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect as connectTcp } from 'node:net';
import { duplexPair } from 'node:stream';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { until } from '../support/until.ts';
import { tinyServer } from './support/programs.ts';

const IN_FLIGHT = 3;
/** A source that was quiet may come five seconds' worth at once. */
const BURST = 5;

let postern: TestPostern;
let port: number;
before(async () => {
  postern = await startTestPostern({
    servers: { tiny: tinyServer() },
    limits: { max_handshakes_per_source: IN_FLIGHT, max_handshakes_per_second_per_source: 1 },
  });
  port = Number(new URL(postern.endpoint).port);
});
after(() => postern.stop());

/** A whole handshake from one of this machine's own addresses; rejects when it is refused. */
async function handshakeFrom(localAddress: string): Promise<void> {
  const tcp = connectTcp({ host: '127.0.0.1', port, localAddress });
  const socket = connectTls({ socket: tcp, ca: postern.ca, ecdhCurve: 'X25519MLKEM768' });
  await once(socket, 'secureConnect');
  socket.destroy();
}

/** A client that sends its hello and then says nothing more; the server's answer has come. */
async function stopAfterHello(localAddress: string): Promise<Socket> {
  const socket = connectTcp({ host: '127.0.0.1', port, localAddress });
  socket.write(await helloBytes());
  await once(socket, 'data');
  return socket;
}

async function helloBytes(): Promise<Buffer> {
  const [near, far] = duplexPair();
  const client = connectTls({ socket: near, ecdhCurve: 'X25519MLKEM768' });
  client.on('error', () => undefined);
  const [hello] = (await once(far, 'data')) as [Buffer];
  client.destroy();
  return hello;
}

const refused = (kind: string) =>
  postern.logged(
    ({ event, fields }) =>
      event === 'tls.handshake_refused' && (fields as { kind?: string }).kind === kind,
  );

test('R-08 a source that begins too many handshakes a second waits, and no other does', async () => {
  for (let count = 0; count < BURST; count += 1) await handshakeFrom('127.0.0.2');
  await assert.rejects(handshakeFrom('127.0.0.2'));
  const { level, fields } = await refused('too_many_per_second');
  assert.equal(level, 'warn');
  assert.equal((fields as Record<string, unknown>)['source'], '127.0.0.2');
  await handshakeFrom('127.0.0.3');
});

test('R-08 a source that leaves handshakes unfinished gets no further ones, until it lets go', async () => {
  const stuck = await Promise.all(
    Array.from({ length: IN_FLIGHT }, () => stopAfterHello('127.0.0.4')),
  );
  await assert.rejects(handshakeFrom('127.0.0.4'));
  await refused('too_many_unfinished');
  await handshakeFrom('127.0.0.5');
  for (const socket of stuck) socket.destroy();
  // The gateway hears of it when the kernel tells it.
  await until('the source is served again', () =>
    handshakeFrom('127.0.0.4').then(
      () => true,
      () => false,
    ),
  );
});
