/** Sessions opened and dropped in every way leave nothing. `POSTERN_SOAK=1` takes the full number. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pqFetch } from '../support/clients.ts';
import type { TestPostern } from '../support/postern.ts';
import { startTestPostern } from '../support/postern.ts';
import { until } from '../support/until.ts';
import {
  descendantsOf,
  descriptorsOf,
  memoryOf,
  NO_PROC,
  pidOf,
  statusOf,
  untilStatus,
} from './support/processes.ts';
import { startProbed } from './support/heap.ts';
import { tinyServer } from './support/programs.ts';
import { INITIALIZE, McpSession, postMessage } from './support/session.ts';

const SESSIONS = process.env['POSTERN_SOAK'] === '1' ? 1000 : 60;
const AT_ONCE = 8;
const ON_LINUX = { skip: NO_PROC };
const MIB = 1024 * 1024;

/** How a client leaves. */
const WAYS = [
  'by DELETE',
  'right after initialize',
  'once it is ready',
  'amid a call',
  'with its stream open',
] as const;

test(`R-25 ${SESSIONS} sessions leave no process, descriptor or memory`, ON_LINUX, async (t) => {
  const { postern, heap } = await startProbed(t, {
    servers: { tiny: tinyServer() },
    limits: {
      session_setup_timeout_ms: 1000,
      session_idle_timeout_ms: 1000,
      session_stream_lost_timeout_ms: 1000,
      upstream_idle_timeout_ms: 1000,
      child_stop_grace_ms: 500,
    },
    audit: { mode: 'async' },
    log: { level: 'info', format: 'json' },
  });
  await openAndDrop(postern, 30);
  await everythingGone(postern);
  const before = { ...footprint(postern), heap: await heap() };
  const startedAt = performance.now();
  await openAndDrop(postern, SESSIONS);
  const tookMs = performance.now() - startedAt;
  await everythingGone(postern);
  await until('every descriptor is free', () => {
    return footprint(postern).descriptors <= before.descriptors;
  });
  const after = { ...footprint(postern), heap: await heap() };
  assert.deepEqual(after.processes, before.processes);
  const heapGrown = after.heap - before.heap;
  const grown = after.memory - before.memory;
  t.diagnostic(`${(tookMs / SESSIONS).toFixed(1)} ms a session, ${AT_ONCE} at once`);
  t.diagnostic(`heap ${mib(before.heap)} MiB, +${mib(heapGrown)}`);
  t.diagnostic(`resident ${mib(before.memory)} MiB, +${mib(grown)}`);
  t.diagnostic(`${after.descriptors} descriptors, ${after.processes.length} other processes`);
  assert.ok(heapGrown < 2 * MIB, `the heap grew by ${heapGrown} bytes`);
  assert.ok(grown < 128 * MIB, `memory grew by ${grown} bytes`);
});

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(1);
}

test('R-25 sessions that nobody ends make room for new ones, and go in time', async (t) => {
  const postern = await startTestPostern({
    servers: { tiny: tinyServer() },
    limits: {
      max_sessions_per_principal: 4,
      session_setup_timeout_ms: 1000,
      session_idle_timeout_ms: 2000,
    },
  });
  t.after(() => postern.stop());
  // A call that its client left would wait for an answer for five minutes.
  for (const way of ['right after initialize', 'amid a call'] as const) {
    for (let opened = 0; opened < 12; opened += 1) {
      await leave(postern, way);
      const { sessions } = (await statusOf(postern)).servers['tiny'] ?? {};
      assert.ok(sessions !== undefined && sessions <= 4);
    }
  }
  await everythingGone(postern);
});

async function openAndDrop(postern: TestPostern, count: number): Promise<void> {
  let opened = 0;
  const client = async (): Promise<void> => {
    while (opened < count) {
      const way = WAYS[opened % WAYS.length] ?? 'by DELETE';
      opened += 1;
      await leave(postern, way);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, client));
}

/** Opens a session on a connection of its own and leaves it. */
async function leave(postern: TestPostern, way: (typeof WAYS)[number]): Promise<void> {
  const http = pqFetch(postern);
  try {
    if (way === 'right after initialize') {
      const { status } = await postMessage(http.fetch, postern.url('tiny'), INITIALIZE);
      assert.equal(status, 200);
      return;
    }
    const session = await McpSession.open(http.fetch, postern.url('tiny'));
    if (way === 'by DELETE') {
      await session.end();
    } else if (way === 'amid a call') {
      const abort = new AbortController();
      const call = session.call('anything', {}, { signal: abort.signal });
      setImmediate(() => abort.abort());
      await assert.rejects(call);
    } else if (way === 'with its stream open') {
      const headers = { 'mcp-session-id': session.id, accept: 'text/event-stream' };
      const stream = await http.fetch(session.url, { headers });
      assert.equal(stream.status, 200);
    }
  } finally {
    await http.close();
  }
}

async function everythingGone(postern: TestPostern): Promise<void> {
  await untilStatus(postern, 'nothing is left', ({ servers, calls_in_flight: calls }) => {
    const { sessions, children } = servers['tiny'] ?? {};
    return sessions === 0 && children === 0 && calls === 0;
  });
}

/** What a gateway holds; the guardian of its children stays with it. */
function footprint(postern: TestPostern) {
  const pid = pidOf(postern);
  return {
    memory: memoryOf(pid),
    descriptors: descriptorsOf(pid),
    processes: descendantsOf(pid).toSorted((a, b) => a - b),
  };
}
