/** How often the pace is set anew while calls are refused, and after how many turns at least. */
const STEP_MS = 100;
const STEP_TURNS = 3;
/** Part of the time that the event loop is at work when it has no time to spare. */
const BUSY = 0.9;
/** Without a refusal for so long it is over. */
const QUIET_MS = 1000;
/** What a turn is to take while calls are refused, of what it may take before: those let in go fast. */
const HELD = 0.2;
/** Part of the calls that are let in at first. */
const FIRST = 0.5;
const SLOWER = 0.9;
const FASTER = 1.1;
/** When turns take less than half of what they are to take. */
const MUCH_FASTER = 1.3;
/** Calls a second that each caller may begin whatever the turns take. */
const LEAST = 1;

/**
 * Decides from how long turns take whether there are too many calls, and how many a second each caller
 * may begin: the same for all, so that those who want less than that notice nothing of it (max-min
 * fairness). It gives way by steps and comes back by steps; how fast servers answer has no part in it.
 */
export class Pace {
  readonly #maxMs: number;
  readonly #utilization: () => number;
  #level = Infinity;
  #turns: number[] = [];
  /** When the pace was last set, on the clock of performance.now(), as all times here. */
  #setAt = -Infinity;
  /** Whether somebody was refused since. */
  #refused = false;
  #refusedAt = -Infinity;

  /**
   * @param maxMs what the usual turn may take.
   * @param utilization part of the time since it was last asked that the event loop was at work.
   */
  constructor(maxMs: number, utilization: () => number) {
    this.#maxMs = maxMs;
    this.#utilization = utilization;
  }

  /** Calls a second that each caller may begin; `Infinity` when nobody is held back. */
  get level(): number {
    return this.#level;
  }

  /** Turns that it has taken note of since it last decided something. */
  get turns(): number {
    return this.#turns.length;
  }

  /** Somebody was refused for this. */
  refused(now: number): void {
    this.#refused = true;
    this.#refusedAt = now;
  }

  /** Takes note of a turn. */
  turn(cpuMs: number, now: number): void {
    this.#turns.push(cpuMs);
    if (this.#level === Infinity || now - this.#setAt < STEP_MS) return;
    if (this.#turns.length >= STEP_TURNS) this.#step(now);
  }

  /**
   * Decides whether there is too much to do, when nobody is held back yet.
   *
   * @param demands calls that each caller came with in the time since it last did.
   */
  consider(demands: readonly number[], passedMs: number, now: number): void {
    if (this.#level !== Infinity) return;
    const isBusy = this.#utilization() > BUSY;
    // Long turns with pauses between them are bursts, which are done with.
    if (isBusy && medianOf(this.#turns) > this.#maxMs) {
      const all = demands.reduce((sum, each) => sum + each, 0);
      this.#level = Math.max(LEAST, (waterLevel(demands, all * FIRST) * 1000) / passedMs);
      this.#refusedAt = now;
      this.#setAt = now;
    }
    this.#turns = [];
  }

  #step(now: number): void {
    const heldMs = this.#maxMs * HELD;
    const isBusy = this.#utilization() > BUSY;
    const meanMs = this.#turns.reduce((sum, each) => sum + each, 0) / this.#turns.length;
    if (now - this.#refusedAt >= QUIET_MS) this.#level = Infinity;
    else if (isBusy && meanMs > heldMs) this.#level = Math.max(LEAST, this.#level * SLOWER);
    else if (this.#refused) this.#level *= meanMs < heldMs / 2 ? MUCH_FASTER : FASTER;
    this.#refused = false;
    this.#setAt = now;
    this.#turns = [];
  }
}

/** The level at which what each takes up to it is as much as there is. */
export function waterLevel(demands: readonly number[], amount: number): number {
  let left = amount;
  const rising = demands.toSorted((a, b) => a - b);
  for (const [index, demand] of rising.entries()) {
    const each = left / (rising.length - index);
    if (each < demand) return each;
    left -= demand;
  }
  return Infinity;
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
