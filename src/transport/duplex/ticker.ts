/** How often time limits are looked at, well below the least of them. */
const TICK_MS = 250;

/** A part of an upstream with time limits. */
interface Ticking {
  /** How many things in it have limits. */
  readonly size: number;
  /** @param now on the clock of performance.now() */
  tick(now: number): void;
}

/** One clock for the time limits of an upstream, which runs while there is anything to look at. */
export class Ticker {
  readonly #parts: readonly Ticking[];
  #timer: NodeJS.Timeout | null = null;

  constructor(...parts: readonly Ticking[]) {
    this.#parts = parts;
  }

  /** Runs until nothing is left. */
  start(): void {
    this.#timer ??= setInterval(() => this.#tick(), TICK_MS).unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #tick(): void {
    const now = performance.now();
    for (const part of this.#parts) part.tick(now);
    if (this.#parts.every(({ size }) => size === 0)) this.stop();
  }
}
