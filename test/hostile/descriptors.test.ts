/** A gateway without free file descriptors: it goes on with what it has, and recovers. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { test } from 'node:test';
import { pqFetch } from '../support/clients.ts';
import { startTestPostern } from '../support/postern.ts';
import { until } from '../support/until.ts';
import { descriptorsOf, NO_PROC, pidOf, statusOf } from './support/processes.ts';
import { hostileServer } from './support/programs.ts';
import { INITIALIZE, McpSession, postMessage } from './support/session.ts';

/** Descriptors left when the flood begins. */
const LEFT = 30;
const FLOOD = 200;

const skip =
  NO_PROC !== false
    ? NO_PROC
    : spawnSync('prlimit', ['--version']).error !== undefined && 'prlimit is not installed';

test('R-25 strangers who take every descriptor stop no open session', { skip }, async (t) => {
  const postern = await startTestPostern({
    servers: { target: hostileServer() },
    limits: { handshake_timeout_ms: 300_000, child_backoff_min_ms: 10, child_backoff_max_ms: 100 },
  });
  t.after(() => postern.stop());
  const http = pqFetch(postern);
  t.after(() => http.close());
  const session = await McpSession.open(http.fetch, postern.url('target'));
  const pid = pidOf(postern);
  const limit = String(descriptorsOf(pid) + LEFT);
  const { status } = spawnSync('prlimit', ['--pid', String(pid), `--nofile=${limit}:20000`]);
  assert.equal(status, 0);

  const sockets: Socket[] = [];
  t.after(() => sockets.forEach((socket) => socket.destroy()));
  const { port } = new URL(postern.endpoint);
  for (let opened = 0; opened < FLOOD; opened += 1) {
    const socket = connect({ host: '127.0.0.1', port: Number(port) });
    socket.on('error', () => undefined);
    sockets.push(socket);
    await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
  }
  await until('none is left', () => descriptorsOf(pid) >= Number(limit) - 2);

  // The open session has its process and its connection, and the record its file.
  assert.ok((await session.call('echo')).message?.result);
  const refused = await postMessage(http.fetch, postern.url('target'), INITIALIZE);
  assert.match(refused.message?.error?.message ?? '', /could not be started/);
  assert.ok((await session.call('echo')).message?.result);

  for (const socket of sockets) socket.destroy();
  await until('a new session can be opened', async () => {
    const { message } = await postMessage(http.fetch, postern.url('target'), INITIALIZE);
    return message?.result !== undefined;
  });
  assert.equal((await statusOf(postern)).ready, true);
});
