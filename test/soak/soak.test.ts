/**
 * Everything at once for a long time, then whether anything is left of it. `POSTERN_SOAK_MINUTES`
 * says how long, 10 unless given; run it with `npm run soak`.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { startStatefulHttp } from '../fixtures/stateful-http.ts';
import { startProbed } from '../hostile/support/heap.ts';
import {
  descendantsOf,
  descriptorsOf,
  memoryOf,
  NO_PROC,
  pidOf,
  untilStatus,
} from '../hostile/support/processes.ts';
import { hostileServer } from '../hostile/support/programs.ts';
import { pqFetch } from '../support/clients.ts';
import type { TestPostern } from '../support/postern.ts';
import { programAt } from '../support/transports.ts';
import type { Action } from './actions.ts';
import { ACTIONS, BACKOFF_MS } from './actions.ts';
import { Times } from './times.ts';

const MINUTES = Number(process.env['POSTERN_SOAK_MINUTES'] ?? 10);
/** Load, then a rest in which everything has to go away, so many times. */
const ROUNDS = Math.max(3, Math.round(MINUTES));
const ROUND_MS = (MINUTES * 60_000) / ROUNDS;
const CLIENTS = 8;
/** A request without an answer for so long is one that nobody answers. */
const UNANSWERED_MS = 60_000;
const MIB = 1024 * 1024;

/** What the gateway holds at rest. */
interface Footprint {
  readonly heap: number;
  readonly resident: number;
  readonly descriptors: number;
  readonly processes: number;
}

test(
  `R-25 R-10 after ${MINUTES} minutes of everything nothing is left and nothing has slowed down`,
  { skip: NO_PROC, timeout: 2 * MINUTES * 60_000 + 300_000 },
  async (t) => {
    const journal = await mkdtemp(join(tmpdir(), 'postern-soak-'));
    t.after(() => rm(journal, { recursive: true }));
    const web = await startStatefulHttp();
    t.after(() => web.close());
    const { postern, heap } = await startProbed(t, {
      servers: {
        stateful: { stdio: programAt('test/fixtures/stateful-stdio.ts') },
        stateless: {
          stdio: programAt('test/fixtures/stateless-stdio.ts', join(journal, 'journal')),
        },
        web: { http: { url: web.url } },
        crashing: hostileServer(),
      },
      limits: {
        session_setup_timeout_ms: 20_000,
        session_idle_timeout_ms: 2000,
        session_stream_lost_timeout_ms: 1000,
        stateless_child_idle_ms: 1000,
        bridged_session_idle_ms: 1000,
        upstream_session_idle_ms: 2000,
        max_bridged_sessions_per_principal: 32,
        child_backoff_min_ms: 10,
        child_backoff_max_ms: BACKOFF_MS,
      },
      log: { level: 'info', format: 'json' },
    });
    const times = new Times();
    const rests: Footprint[] = [];
    const done = new Map<string, number>();
    for (let round = 0; round <= ROUNDS; round += 1) {
      if (round > 0) await load(postern, times, done);
      await atRest(postern);
      const footprint = await footprintOf(postern, heap);
      rests.push(footprint);
      tell(t, round, times, footprint);
    }
    for (const [name, count] of done) t.diagnostic(`${count} times: ${name}`);
    assert.deepEqual([...done.keys()].toSorted(), Object.keys(ACTIONS).toSorted());
    checkFlat(rests);
    const [first, , last] = times.p99OfThirds();
    // Wide, since other work on the machine shows here too; a queue that grows goes far beyond it.
    assert.ok(last < 3 * first + 500, `p99 went from ${first} ms to ${last} ms`);
  },
);

/** Clients that each do one thing after another until the round is over. */
async function load(postern: TestPostern, times: Times, done: Map<string, number>): Promise<void> {
  const endsAt = performance.now() + ROUND_MS;
  const names = Object.keys(ACTIONS);
  const client = async (_: unknown, index: number): Promise<void> => {
    for (let turn = index; performance.now() < endsAt; turn += 1) {
      const name = names[turn % names.length] ?? assert.fail();
      await act(postern, ACTIONS[name] ?? assert.fail(), name, times);
      done.set(name, (done.get(name) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
}

async function act(
  postern: TestPostern,
  action: Action,
  name: string,
  times: Times,
): Promise<void> {
  const link = pqFetch(postern);
  const overdue = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    overdue.reject(new Error(`no answer within ${UNANSWERED_MS} ms: ${name}`));
  }, UNANSWERED_MS);
  const ground = {
    postern,
    fetch: link.fetch,
    timed: async <T>(call: () => Promise<T>): Promise<T> => {
      const startedAt = performance.now();
      const answer = await call();
      times.add(performance.now() - startedAt);
      return answer;
    },
  };
  try {
    await Promise.race([action(ground), overdue.promise]);
  } catch (cause) {
    throw new Error(`failed: ${name}`, { cause });
  } finally {
    clearTimeout(timer);
    await link.close();
  }
}

/** Waits until nothing is left of sessions, streams and their processes. */
function atRest(postern: TestPostern): Promise<void> {
  return untilStatus(postern, 'every session has ended', ({ calls_in_flight: calls, servers }) => {
    const busy = Object.values(servers).some(
      ({ sessions, children, connections }) => sessions + children + connections > 0,
    );
    return calls === 0 && !busy;
  });
}

async function footprintOf(postern: TestPostern, heap: () => Promise<number>): Promise<Footprint> {
  const pid = pidOf(postern);
  return {
    heap: await heap(),
    resident: memoryOf(pid),
    descriptors: descriptorsOf(pid),
    processes: descendantsOf(pid).length,
  };
}

/** The first rest is before any load, and the second still warms up. */
function checkFlat(rests: readonly Footprint[]): void {
  const [, , settled] = rests;
  const last = rests.at(-1);
  assert.ok(settled !== undefined && last !== undefined);
  assert.ok(last.heap - settled.heap < 4 * MIB, `the heap grew by ${last.heap - settled.heap} B`);
  assert.ok(last.resident - settled.resident < 64 * MIB, 'resident memory grew');
  assert.ok(last.descriptors <= settled.descriptors + 2, 'descriptors are left open');
  assert.equal(last.processes, settled.processes);
}

function tell(t: TestContext, round: number, times: Times, footprint: Footprint): void {
  const { heap, resident, descriptors, processes } = footprint;
  const mib = (bytes: number): string => (bytes / MIB).toFixed(1);
  const p99 = times.p99OfThirds().map((ms) => ms.toFixed(0));
  t.diagnostic(
    `round ${round}: ${times.count} calls timed, p99 ${p99.join(' / ')} ms; heap ${mib(heap)} MiB, ` +
      `resident ${mib(resident)} MiB, ${descriptors} descriptors, ${processes} processes`,
  );
}
