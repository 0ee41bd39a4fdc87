/** Thousands of clients that connect and then do nothing. `POSTERN_SOAK=1` takes the full number. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { pqFetch } from '../support/clients.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { until } from '../support/until.ts';
import {
  descriptorsOf,
  memoryOf,
  NO_PROC,
  pidOf,
  statusOf,
  untilStatus,
} from './support/processes.ts';
import { tinyServer } from './support/programs.ts';
import { McpSession } from './support/session.ts';

const SOAK = process.env['POSTERN_SOAK'] === '1';
const TCP = SOAK ? 10_000 : 2000;
const TLS = SOAK ? 500 : 100;
const BATCH = 250;
const KIB = 1024;
/** What one may cost: an accepted socket with its timer, and a TLS connection with its parser. */
const TCP_BYTES = 12 * KIB;
const TLS_BYTES = 96 * KIB;

test(`R-25 ${TCP} silent TCP and ${TLS} idle TLS connections`, { skip: NO_PROC }, async (t) => {
  const postern = await startTestPostern({
    servers: { tiny: tinyServer() },
    limits: {
      handshake_timeout_ms: 300_000,
      headers_timeout_ms: 300_000,
      request_timeout_ms: 300_000,
    },
  });
  t.after(() => postern.stop());
  const pid = pidOf(postern);
  await assertServes(postern);
  await untilStatus(postern, 'the first session has gone', ({ servers }) => {
    return servers['tiny']?.children === 0;
  });
  const before = { memory: memoryOf(pid), descriptors: descriptorsOf(pid) };
  const sockets: Socket[] = [];
  t.after(() => sockets.forEach((socket) => socket.destroy()));
  await openMany(TCP, () => openTcp(postern), sockets);
  await openMany(TLS, () => openTls(postern), sockets);
  await until('all are accepted', () => descriptorsOf(pid) >= TCP + TLS);

  const startedAt = performance.now();
  await assertServes(postern);
  const servedMs = performance.now() - startedAt;
  assert.ok(servedMs < 5000, `a session took ${Math.round(servedMs)} ms`);
  const grown = memoryOf(pid) - before.memory;
  assert.ok(grown < TCP * TCP_BYTES + TLS * TLS_BYTES, `memory grew by ${grown} bytes`);

  for (const socket of sockets) socket.destroy();
  await until('every descriptor is free', () => descriptorsOf(pid) <= before.descriptors);
  await assertServes(postern);
  const left = memoryOf(pid) - before.memory;
  const mib = (bytes: number): string => (bytes / KIB / KIB).toFixed(1);
  t.diagnostic(`memory +${mib(grown)} MiB, afterwards +${mib(left)} MiB`);
  t.diagnostic(`a session in between: ${Math.round(servedMs)} ms`);
});

test('R-25 a full listener turns clients away, and takes them when there is room', async (t) => {
  const postern = await startTestPostern({
    servers: { tiny: tinyServer() },
    limits: { max_connections: 20 },
  });
  t.after(() => postern.stop());
  const sockets: Socket[] = [];
  t.after(() => sockets.forEach((socket) => socket.destroy()));
  await openMany(20, () => openTcp(postern), sockets);
  const surplus = await openTcp(postern);
  await once(surplus, 'close');
  await postern.logged(({ event }) => event === 'listener.connection_dropped');
  assert.equal((await statusOf(postern)).ready, true);
  for (const socket of sockets) socket.destroy();
  await until('a client is served again', () => assertServes(postern).then(yes, no));
});

const yes = (): boolean => true;
const no = (): boolean => false;

async function assertServes(postern: TestPostern): Promise<void> {
  const http = pqFetch(postern);
  try {
    const session = await McpSession.open(http.fetch, postern.url('tiny'));
    await session.end();
  } finally {
    await http.close();
  }
}

async function openMany(
  count: number,
  open: () => Promise<Socket>,
  sockets: Socket[],
): Promise<void> {
  for (let opened = 0; opened < count; opened += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, count - opened) }, open);
    sockets.push(...(await Promise.all(batch)));
  }
}

async function openTcp(postern: TestPostern): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port: portOf(postern) });
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

async function openTls(postern: TestPostern): Promise<Socket> {
  const socket = connectTls({
    host: '127.0.0.1',
    port: portOf(postern),
    ca: postern.ca,
    ecdhCurve: 'X25519MLKEM768',
  });
  socket.on('error', () => undefined);
  await once(socket, 'secureConnect');
  return socket;
}

function portOf({ endpoint }: TestPostern): number {
  return Number(new URL(endpoint).port);
}
