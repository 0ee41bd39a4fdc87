/** What one caller has of the gateway at present. */
export interface Caller {
  /** Calls that it has in flight. */
  calls: number;
  /** Bytes of their bodies. */
  bodyBytes: number;
  /** Bytes of answers that it has not read yet. */
  answerBytes: number;
  /** Calls that it came with since the last {@link Callers.rest}. */
  arrivals: number;
  /** Calls that it may begin, as of `at`, while calls are refused for their rate. */
  tokens: number;
  /** On the clock of performance.now(). */
  at: number;
}

/** Callers that are told apart; what others have counts as one caller’s. */
const MAX_CALLERS = 10_000;

/** The callers of a while. */
export class Callers {
  readonly #known = new Map<string, Caller>();
  readonly #others = newCaller();

  get size(): number {
    return this.#known.size;
  }

  of(name: string): Caller {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    if (this.#known.size >= MAX_CALLERS) return this.#others;
    const caller = newCaller();
    this.#known.set(name, caller);
    return caller;
  }

  /** Arrivals of each since the last {@link rest}. */
  demands(): number[] {
    return [...this.#known.values(), this.#others].map(({ arrivals }) => arrivals);
  }

  /** Forgets who has nothing in flight and did not come, and counts arrivals anew. */
  rest(): void {
    for (const [name, caller] of this.#known) {
      if (caller.arrivals === 0 && caller.calls === 0) this.#known.delete(name);
      else caller.arrivals = 0;
    }
    this.#others.arrivals = 0;
  }
}

function newCaller(): Caller {
  return { calls: 0, bodyBytes: 0, answerBytes: 0, arrivals: 0, tokens: 0, at: -Infinity };
}
