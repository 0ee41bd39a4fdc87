/** Very many open event streams at once. `POSTERN_SCALE_STREAMS` says how many, 10,000 unless given. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  descriptorsOf,
  memoryOf,
  NO_PROC,
  pidOf,
  untilStatus,
} from '../hostile/support/processes.ts';
import { hostileServer } from '../hostile/support/programs.ts';
import { RawConnection } from '../hostile/support/raw-http.ts';
import { INITIALIZE, McpSession } from '../hostile/support/session.ts';
import { pqFetch } from '../support/clients.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';

const STREAMS = Number(process.env['POSTERN_SCALE_STREAMS'] ?? 10_000);
const OPENED_AT_ONCE = 16;
const CHANGED = 'notifications/tools/list_changed';
const PATH = '/servers/many/mcp';

test(
  `R-25 R-10 ${STREAMS} open event streams, each over quantum-safe TLS`,
  { skip: NO_PROC, timeout: 1_800_000 },
  async (t) => {
    const { stdio } = hostileServer();
    const room = STREAMS + 100;
    const postern = await startTestPostern({
      servers: { many: { stdio: { ...stdio, instances: 'shared' } } },
      limits: {
        max_connections: room,
        max_sessions_per_server: room,
        max_sessions_per_principal: room,
        max_handshakes_per_second_per_source: 100_000,
        session_setup_timeout_ms: 3_600_000,
        heartbeat_ms: 60_000,
      },
      log: { level: 'warn', format: 'json' },
    });
    t.after(() => postern.stop());
    const pid = pidOf(postern);
    const before = { memory: memoryOf(pid), descriptors: descriptorsOf(pid) };
    const startedAt = performance.now();
    const streams = await openStreams(postern);
    t.after(() => streams.forEach(({ socket }) => socket.destroy()));
    const openedMs = performance.now() - startedAt;
    assert.ok(descriptorsOf(pid) - before.descriptors >= STREAMS);
    const each = (memoryOf(pid) - before.memory) / STREAMS / 1024;
    t.diagnostic(`opened in ${(openedMs / 1000).toFixed(0)} s, ${each.toFixed(0)} KiB for each`);

    const link = pqFetch(postern);
    t.after(() => link.close());
    const session = await McpSession.open(link.fetch, `${postern.endpoint}${PATH}`);
    const callsMs = await timesOf(() => session.call('echo'));
    t.diagnostic(`a call meanwhile: ${callsMs} ms in the median`);

    const changedAt = performance.now();
    await session.call('change');
    await reached(streams);
    t.diagnostic(
      `one change reached all of them in ${Math.round(performance.now() - changedAt)} ms`,
    );
    await session.end();

    for (const { socket } of streams) socket.destroy();
    await untilStatus(postern, 'no call is left', ({ calls_in_flight: calls }) => calls === 0);
  },
);

async function openStreams(postern: TestPostern): Promise<readonly RawConnection[]> {
  const streams: RawConnection[] = [];
  let begun = 0;
  const open = async (): Promise<void> => {
    while (begun < STREAMS) {
      begun += 1;
      streams.push(await openStream(postern));
    }
  };
  await Promise.all(Array.from({ length: OPENED_AT_ONCE }, open));
  return streams;
}

/** A session on a connection of its own, whose GET stream is open. */
async function openStream(postern: TestPostern): Promise<RawConnection> {
  const connection = await RawConnection.open(postern);
  connection.write(post(INITIALIZE));
  const opened = await connection.response();
  const id = opened?.headers['mcp-session-id'];
  assert.ok(opened?.status === 200 && id !== undefined);
  connection.write(post({ jsonrpc: '2.0', method: 'notifications/initialized' }, id));
  assert.equal((await connection.response())?.status, 202);
  const accept = 'Accept: text/event-stream';
  connection.write(
    `GET ${PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n${accept}\r\nMcp-Session-Id: ${id}\r\n\r\n`,
  );
  return connection;
}

function post(message: object, session?: string): string {
  const body = JSON.stringify(message);
  const lines = [
    `POST ${PATH} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Content-Type: application/json',
    'Accept: application/json, text/event-stream',
    `Content-Length: ${body.length}`,
    ...(session === undefined ? [] : [`Mcp-Session-Id: ${session}`]),
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

/** Waits until every stream has told of the change. */
async function reached(streams: readonly RawConnection[]): Promise<void> {
  let waiting = streams;
  for (;;) {
    waiting = waiting.filter(({ received }) => !received.includes(CHANGED));
    if (waiting.length === 0) return;
    assert.ok(waiting.every(({ closed }) => !closed));
    await delay(5);
  }
}

async function timesOf(call: () => Promise<unknown>): Promise<string> {
  const times: number[] = [];
  for (let index = 0; index < 50; index += 1) {
    const startedAt = performance.now();
    await call();
    times.push(performance.now() - startedAt);
  }
  return (times.toSorted((a, b) => a - b)[25] ?? 0).toFixed(1);
}
