/**
 * The load generator, a process of its own: takes a {@link LoadPlan} as JSON on stdin, carries it out
 * and prints a {@link LoadReport} as JSON.
 */
import { json } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { Calls } from './calls.ts';
import { closedLoop } from './closed-loop.ts';
import { Connection } from './connection.ts';
import type { Dialled } from './dial.ts';
import { dialer } from './dial.ts';
import { handshakes } from './handshakes.ts';
import { openLoop } from './open-loop.ts';
import type { CallPlan, LoadPlan, LoadReport } from './plan.ts';
import type { Response } from './response.ts';
import { streams } from './streams.ts';

/** Share of the closed loop's rate that the open loop keeps up. */
const OPEN_LOOP_LOAD = 0.5;
const START_UP_MS = 20_000;

try {
  const plan = (await json(process.stdin)) as LoadPlan;
  console.log(JSON.stringify(await carryOut(plan)));
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}

async function carryOut(plan: LoadPlan): Promise<LoadReport> {
  await untilListening(dialer(plan.target));
  if (plan.kind === 'stream') return streams(plan);
  return plan.kind === 'calls' ? callsOf(plan) : handshakes(plan);
}

async function callsOf(plan: CallPlan): Promise<LoadReport> {
  const dial = dialer(plan.target);
  const dialled = await Promise.all(Array.from({ length: plan.connections }, () => dial()));
  const connections = dialled.map(({ socket }) => new Connection(socket));
  const links = new Set(dialled.map(({ link }) => link));
  const [link = ''] = links;
  if (links.size !== 1) throw new Error(`links differ: ${[...links].join(', ')}`);
  try {
    const calls = new Calls(plan.target, plan.shape);
    const [first] = connections;
    const { session } = plan.shape;
    if (session !== 'never' && first !== undefined) await openSession(first, calls, session);
    const closed = await closedLoop(connections, calls, plan.times, plan.watch);
    const { openMs: windowMs } = plan.times;
    if (windowMs === 0) return { link, closed, open: null };
    const rate = Math.max(1, (closed.calls / closed.seconds) * OPEN_LOOP_LOAD);
    const open = await openLoop(connections, calls, { rate, windowMs }, plan.watch);
    return { link, closed, open };
  } finally {
    for (const connection of connections) connection.close();
  }
}

/** Some subjects do not say when they are up. */
async function untilListening(dial: () => Promise<Dialled>): Promise<void> {
  const deadline = performance.now() + START_UP_MS;
  for (;;) {
    try {
      const { socket } = await dial();
      socket.destroy();
      return;
    } catch (error) {
      const starting = (error as NodeJS.ErrnoException).code === 'ECONNREFUSED';
      if (!starting || performance.now() > deadline) throw error;
      await wait(50);
    }
  }
}

async function openSession(
  connection: Connection,
  calls: Calls,
  wanted: 'always' | 'offered',
): Promise<void> {
  const opened = await connection.exchange(calls.initialize());
  const { status, sessionId } = opened.head;
  if (status !== 200) throw refused('initialize', opened);
  if (sessionId !== null) calls.inSession(sessionId);
  else if (wanted === 'always') throw refused('initialize', opened);
  else return;
  const acknowledged = await connection.exchange(calls.initialized());
  if (acknowledged.head.status !== 202) throw refused('notifications/initialized', acknowledged);
}

function refused(what: string, { head, body }: Response): Error {
  return new Error(`${what}: HTTP ${head.status} ${body.toString('utf8', 0, 200)}`);
}
