import { setTimeout as wait } from 'node:timers/promises';
import type { Calls } from '../load/calls.ts';
import { Connection } from '../load/connection.ts';
import { dialer } from '../load/dial.ts';
import { createPacer } from '../load/pacing.ts';
import { nowUs } from '../load/window.ts';
import type { OverloadPlan } from './plan.ts';
import { Tally } from './tally.ts';

/** Connections of the closed loop that finds out what the gateway can do. */
const CLOSED_LOOP = 32;
/** At a time, so that the gateway’s bounds on handshakes do not matter here. */
const DIALS = 16;

/** A connection and the request that it sends. */
interface Lane {
  readonly connection: Connection;
  readonly template: ReturnType<Calls['template']>;
}

/** The connections of the measurement, all up. */
export async function dialLanes(
  { target, connections }: OverloadPlan,
  calls: Calls,
): Promise<Lane[]> {
  const dial = dialer(target);
  const lanes: Lane[] = [];
  while (lanes.length < connections) {
    const dialled = await Promise.all(Array.from({ length: DIALS }, () => dial()));
    const fresh = dialled.map(({ socket }) => ({
      connection: new Connection(socket),
      template: calls.template(),
    }));
    // The gateway takes connections that say nothing for slow senders.
    await Promise.all(fresh.map((lane) => said(lane, calls)));
    lanes.push(...fresh);
  }
  return lanes;
}

async function said({ connection, template }: Lane, calls: Calls): Promise<void> {
  const id = calls.nextId();
  // The template is the connection's own, so its bytes stay as they are.
  const complaint = calls.complaint(id, await connection.exchange(template.with(id)));
  if (complaint !== null) throw new Error(complaint);
}

/** Calls over shared lanes, closed or at a rate. */
export class Load {
  readonly tally = new Tally();
  readonly #calls: Calls;
  readonly #free: Lane[];
  #open = 0;

  constructor(lanes: readonly Lane[], calls: Calls) {
    this.#calls = calls;
    this.#free = lanes.filter(({ connection }) => connection.usable && !connection.busy);
  }

  async closed(forMs: number): Promise<void> {
    let over = false;
    // Each connection has its turn, since those that never say anything are closed.
    const next = (): void => {
      const lane = over ? undefined : this.#free.shift();
      if (lane !== undefined) this.#send(lane, next);
    };
    for (let begun = 0; begun < CLOSED_LOOP; begun += 1) next();
    await wait(forMs);
    over = true;
  }

  /** @param rate calls per second. */
  async open(rate: number, seconds: number): Promise<void> {
    const pacer = await createPacer();
    const total = Math.floor(rate * seconds);
    const intervalUs = 1e6 / rate;
    const firstAtUs = nowUs() + 5000;
    let due = 0;
    try {
      await new Promise<void>((resolve) => {
        pacer.start(firstAtUs, intervalUs, () => {
          const now = nowUs();
          for (; due < total && firstAtUs + due * intervalUs <= now; due += 1) this.#due();
          if (due >= total) resolve();
        });
      });
    } finally {
      await pacer.stop();
    }
  }

  /** Resolves when every call has its answer, or not long after. */
  async idle(patienceMs: number): Promise<void> {
    const until = nowUs() + patienceMs * 20_000;
    while (this.#open > 0 && nowUs() < until) await wait(10);
    await wait(patienceMs);
  }

  #due(): void {
    const lane = this.#free.shift();
    if (lane === undefined) this.tally.unsent += 1;
    else this.#send(lane);
  }

  #send(lane: Lane, then: () => void = () => undefined): void {
    const id = this.#calls.nextId();
    const sentAt = nowUs();
    this.#open += 1;
    lane.connection.send(lane.template.with(id), (outcome) => {
      this.#open -= 1;
      this.tally.count(outcome, nowUs() - sentAt, (answer) => this.#calls.complaint(id, answer));
      if (lane.connection.usable) this.#free.push(lane);
      then();
    });
  }
}
