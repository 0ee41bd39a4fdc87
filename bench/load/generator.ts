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

/** Share of the closed loop's rate that the open loop keeps up. */
const OPEN_LOOP_LOAD = 0.5;
const START_UP_MS = 20_000;

try {
  const plan = (await json(process.stdin)) as LoadPlan;
  const report = plan.kind === 'calls' ? await callsOf(plan) : await handshakes(plan);
  console.log(JSON.stringify(report));
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}

async function callsOf(plan: CallPlan): Promise<LoadReport> {
  const dial = dialer(plan.target);
  await untilListening(dial);
  const dialled = await Promise.all(Array.from({ length: plan.connections }, () => dial()));
  const connections = dialled.map(({ socket }) => new Connection(socket));
  const links = new Set(dialled.map(({ link }) => link));
  const [link = ''] = links;
  if (links.size !== 1) throw new Error(`links differ: ${[...links].join(', ')}`);
  try {
    const calls = new Calls(plan.target, plan.shape);
    const [first] = connections;
    if (plan.shape.session && first !== undefined) await openSession(first, calls);
    const closed = await closedLoop(connections, calls, plan.times, plan.watch);
    const rate = Math.max(1, (closed.calls / closed.seconds) * OPEN_LOOP_LOAD);
    const { windowMs } = plan.times;
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

async function openSession(connection: Connection, calls: Calls): Promise<void> {
  const opened = await connection.exchange(calls.initialize());
  const { sessionId } = opened.head;
  if (opened.head.status !== 200 || sessionId === null) throw refused('initialize', opened);
  calls.inSession(sessionId);
  const acknowledged = await connection.exchange(calls.initialized());
  if (acknowledged.head.status !== 202) throw refused('notifications/initialized', acknowledged);
}

function refused(what: string, { head, body }: Response): Error {
  return new Error(`${what}: HTTP ${head.status} ${body.toString('utf8', 0, 200)}`);
}
