const WINDOW_MS = 1000;

/** Lets so many through each second and counts the rest, so that a flood costs one line a second. */
export class Throttle {
  readonly #perSecond: number;
  readonly #onDropped: (count: number) => void;
  #passed = 0;
  #dropped = 0;
  #window: NodeJS.Timeout | null = null;

  /** @param onDropped called at the end of a second in which something was held back */
  constructor(perSecond: number, onDropped: (count: number) => void) {
    this.#perSecond = perSecond;
    this.#onDropped = onDropped;
  }

  /** Whether this one may pass. */
  allow(): boolean {
    this.#window ??= setTimeout(() => this.close(), WINDOW_MS).unref();
    if (this.#passed < this.#perSecond) {
      this.#passed += 1;
      return true;
    }
    this.#dropped += 1;
    return false;
  }

  /** Ends the current second early and reports what was held back in it. */
  close(): void {
    if (this.#window !== null) clearTimeout(this.#window);
    this.#window = null;
    const dropped = this.#dropped;
    this.#passed = 0;
    this.#dropped = 0;
    if (dropped > 0) this.#onDropped(dropped);
  }
}
