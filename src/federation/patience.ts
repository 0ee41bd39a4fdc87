import { Memory } from './memory.ts';

/** What came of asking one member: a value, a failure, or nothing in time. */
export type Outcome<Value> =
  | { readonly kind: 'answered'; readonly value: Value }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'late' };

/** One question to one member. */
export interface Question<Value> {
  /** Tells the member, and the caller for whom it is asked: who makes one wait for him, does so alone. */
  readonly asked: string;
  /** Tells the same question of the same caller, so that a slow member has it once. */
  readonly key: string;
  readonly ask: () => Promise<Value>;
  /** The answer came when nobody waited any more. */
  readonly onLate: () => void;
}

interface Bounds {
  /** Milliseconds after which nobody waits. */
  readonly deadlineMs: number;
  /** Questions that are under way at a time. */
  readonly lanes: number;
}

/** Silent members that are remembered; one that is forgotten is waited for once more. */
const MAX_LATE = 4096;

/** A silent member gives its lane to the next after this part of the deadline. */
const LANE_SHARE = 3;

/**
 * Asks many members and waits for none beyond the deadline. A member that misses it goes on in the
 * background and is not waited for again until it has answered somebody.
 */
export class Patience {
  readonly #bounds: Bounds;
  readonly #late = new Memory<true>(MAX_LATE);
  readonly #running = new Map<string, Promise<unknown>>();

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  /** Asks them side by side; outcomes are in the order of the questions. Never throws. */
  async askAll<Value>(questions: readonly Question<Value>[]): Promise<readonly Outcome<Value>[]> {
    const { deadlineMs, lanes } = this.#bounds;
    const outcomes: Promise<Outcome<Value>>[] = [];
    const deadline = timer(deadlineMs);
    const queue = questions.entries();
    const work = async (): Promise<void> => {
      for (const [index, question] of queue) {
        const outcome = this.#ask(question, deadline.over);
        outcomes[index] = outcome;
        const lane = timer(deadlineMs / LANE_SHARE);
        await Promise.race([outcome, lane.over]);
        lane.cancel();
      }
    };
    await Promise.all(Array.from({ length: Math.min(lanes, questions.length) }, work));
    const all = await Promise.all(outcomes);
    deadline.cancel();
    return all;
  }

  async #ask<Value>(
    { asked, key, ask, onLate }: Question<Value>,
    over: Promise<void>,
  ): Promise<Outcome<Value>> {
    const late = this.#late.get(asked) === true;
    const before = late
      ? (this.#running.get(key) as Promise<Outcome<Value>> | undefined)
      : undefined;
    const running = before ?? this.#run(asked, key, ask);
    const outcome = late ? null : await Promise.race([running, over.then(() => null)]);
    if (outcome !== null) return outcome;
    this.#late.set(asked, true);
    // Whoever asked the same before is told already.
    if (before === undefined) void tellWhenAnswered(running, onLate);
    return { kind: 'late' };
  }

  async #run<Value>(
    asked: string,
    key: string,
    ask: () => Promise<Value>,
  ): Promise<Outcome<Value>> {
    const beganAt = performance.now();
    const running = ask().then(
      (value): Outcome<Value> => ({ kind: 'answered', value }),
      (error: unknown): Outcome<Value> => ({ kind: 'failed', error }),
    );
    this.#running.set(key, running);
    const outcome = await running;
    if (this.#running.get(key) === running) this.#running.delete(key);
    // Who refuses at once lets nobody wait; who was given up on still does.
    const quick = performance.now() - beganAt < this.#bounds.deadlineMs;
    if (outcome.kind === 'answered' || quick) this.#late.delete(asked);
    return outcome;
  }
}

function timer(ms: number): { readonly over: Promise<void>; cancel(): void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timeout = setTimeout(resolve, ms);
  return { over: promise, cancel: () => clearTimeout(timeout) };
}

async function tellWhenAnswered(
  running: Promise<Outcome<unknown>>,
  onLate: () => void,
): Promise<void> {
  const { kind } = await running;
  if (kind === 'answered') onLate();
}
