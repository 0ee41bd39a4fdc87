/** Looks at turns this often while they are short … */
const EVERY_MS = 20;
/** … and at each of them while they take this part of what they may. */
const LONG = 0.2;

/**
 * Measures turns of the event loop, by the CPU time that this thread spends in one. What waits for a
 * turn to end waits in vain for as long; and unlike the time on the clock it is not lengthened by
 * others who use the machine. Looking at one costs some microseconds.
 */
export class Turns {
  readonly #longMs: number;
  readonly #onTurn: (cpuMs: number) => void;
  #timer: NodeJS.Timeout | undefined;
  #watching = false;

  /** @param maxMs what a turn may take. */
  constructor(maxMs: number, onTurn: (cpuMs: number) => void) {
    this.#longMs = maxMs * LONG;
    this.#onTurn = onTurn;
  }

  get watching(): boolean {
    return this.#watching;
  }

  watch(): void {
    if (this.#watching) return;
    this.#watching = true;
    this.#later();
  }

  stop(): void {
    this.#watching = false;
    clearTimeout(this.#timer);
  }

  #later(): void {
    this.#timer = setTimeout(() => setImmediate(() => this.#measure(cpuMs())), EVERY_MS).unref();
  }

  /** With an immediate pending the loop waits for nothing, so what passes until then is one whole turn. */
  #measure(startedAt: number): void {
    setImmediate(() => {
      if (!this.#watching) return;
      const now = cpuMs();
      const spent = now - startedAt;
      this.#onTurn(spent);
      if (!this.#watching) return;
      if (spent < this.#longMs) this.#later();
      else this.#measure(now);
    });
  }
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
