import { setInterval } from 'node:timers/promises';
import { stolenFromMachine } from '../processes.ts';
import type { Calls } from './calls.ts';
import type { Connection } from './connection.ts';
import { Histogram } from './histogram.ts';
import { createPacer } from './pacing.ts';
import type { OpenWindow, Watched } from './plan.ts';
import { Slices } from './slices.ts';
import { nowUs, WindowCount } from './window.ts';

/** How long answers may take to come in after the last call. */
const DRAIN_MS = 10_000;
/** Calls that wait for a connection; beyond, the rate is plainly too high for the subject. */
const MAX_BACKLOG = 100_000;
/** From the making of the schedule to its first call. */
const LEAD_US = 5000;
/** How often to ask whether time was stolen. */
const LOOK_MS = 12;

/**
 * Calls at a fixed rate whatever the answers do. Latency counts from the moment a call was due, so a
 * stall counts for every call that it held up (no coordinated omission).
 *
 * @param rate calls per second.
 */
export async function openLoop(
  connections: readonly Connection[],
  calls: Calls,
  times: { readonly rate: number; readonly windowMs: number },
  watch: readonly Watched[],
): Promise<OpenWindow> {
  const pacer = await createPacer();
  const looking = new AbortController();
  try {
    const count = new WindowCount(watch);
    const schedule = new Schedule(connections, calls, times, count);
    void keepLooking(schedule.slices, looking.signal);
    pacer.start(schedule.firstAtUs, schedule.intervalUs, () => schedule.pump());
    await schedule.sent;
    count.close();
    // Answers to calls that were due in the window count however late they come.
    await schedule.drain();
    return {
      ...count.result(),
      rate: times.rate,
      latenessUs: schedule.lateness.summary(),
      quiet: schedule.slices.quiet(),
    };
  } finally {
    looking.abort();
    await pacer.stop();
  }
}

async function keepLooking(slices: Slices, signal: AbortSignal): Promise<void> {
  try {
    for await (const _ of setInterval(LOOK_MS, undefined, { signal })) {
      slices.look(nowUs(), stolenFromMachine());
    }
  } catch {
    // Aborted: the window has ended.
  }
}

/** Sends what is due over whatever connection is free. */
class Schedule {
  readonly lateness = new Histogram();
  readonly firstAtUs = nowUs() + LEAD_US;
  readonly slices = new Slices(this.firstAtUs);
  readonly intervalUs: number;
  /** Resolves when the last call of the window was due. */
  readonly sent: Promise<void>;
  readonly #calls: Calls;
  readonly #count: WindowCount;
  readonly #total: number;
  readonly #free: Lane[];
  /** Due times of calls without a connection, oldest first, from {@link #waitingFrom} on. */
  readonly #waiting: number[] = [];
  #waitingFrom = 0;
  #due = 0;
  #open = 0;
  #onSent: () => void = () => undefined;
  #onIdle: () => void = () => undefined;

  constructor(
    connections: readonly Connection[],
    calls: Calls,
    times: { readonly rate: number; readonly windowMs: number },
    count: WindowCount,
  ) {
    this.intervalUs = 1e6 / times.rate;
    this.#calls = calls;
    this.#count = count;
    this.#total = Math.max(1, Math.floor((times.rate * times.windowMs) / 1000));
    this.#free = connections.map((connection) => ({ connection, template: calls.template() }));
    this.sent = new Promise((resolve) => {
      this.#onSent = resolve;
    });
  }

  /** Sends everything that is due by now. */
  pump(): void {
    const now = nowUs();
    for (; this.#due < this.#total; this.#due += 1) {
      const dueAt = this.firstAtUs + this.#due * this.intervalUs;
      if (dueAt > now) return;
      this.#open += 1;
      const lane = this.#free.pop();
      if (lane !== undefined) {
        this.lateness.record(now - dueAt);
        this.#send(lane, dueAt);
      } else if (this.#waiting.length - this.#waitingFrom < MAX_BACKLOG) {
        this.#waiting.push(dueAt);
      } else {
        this.#over('no connection was free');
      }
    }
    this.#onSent();
  }

  /** Resolves when every call has its answer; those without one in time are errors. */
  async drain(): Promise<void> {
    if (this.#open === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, DRAIN_MS);
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    while (this.#open > 0) this.#over('no answer in time');
  }

  #send(lane: Lane, dueAt: number): void {
    const id = this.#calls.nextId();
    lane.connection.send(lane.template.with(id), (outcome) => {
      const complaint =
        outcome instanceof Error ? outcome.message : this.#calls.complaint(id, outcome);
      if (complaint === null) this.#right(dueAt);
      else this.#count.wrong(complaint);
      this.#open -= 1;
      this.#next(lane);
      this.pump();
    });
  }

  #right(dueAt: number): void {
    const latencyUs = nowUs() - dueAt;
    this.#count.right(latencyUs);
    this.slices.record(dueAt, latencyUs);
  }

  #next(lane: Lane): void {
    const waiting = this.#waiting[this.#waitingFrom];
    if (waiting !== undefined && lane.connection.usable) {
      this.#waitingFrom += 1;
      this.#send(lane, waiting);
      return;
    }
    if (lane.connection.usable) this.#free.push(lane);
    if (this.#open === 0) this.#onIdle();
  }

  #over(complaint: string): void {
    this.#open -= 1;
    this.#count.wrong(complaint);
  }
}

interface Lane {
  readonly connection: Connection;
  readonly template: ReturnType<Calls['template']>;
}
