import { messageOf } from './errors.ts';

/** What was read. */
export interface Reading<T> {
  readonly value: T;
  /** The same for the same value, and for no other. */
  readonly mark: string;
}

/** Options of {@link Kept}. */
export interface KeptOptions<T> {
  readonly read: () => Promise<Reading<T>>;
  /** Another value than before is in force. */
  readonly onChange: () => void;
  /** Reading fails, for another reason than the last time; what was in force stays so. */
  readonly onTrouble: (thrown: unknown) => void;
}

/** A value that is read again and again. What was read last stays in force while reading fails. */
export class Kept<T> {
  readonly #options: KeptOptions<T>;
  #inForce: Reading<T> | null = null;
  #trouble: string | null = null;
  /** One reading at a time: an older value must not come into force after a newer one. */
  #settled: Promise<void> = Promise.resolve();

  constructor(options: KeptOptions<T>) {
    this.#options = options;
  }

  /** The value in force, `null` before the first. */
  get value(): T | null {
    return this.#inForce?.value ?? null;
  }

  /**
   * Reads for the first time, without telling of it.
   *
   * @throws what reading throws.
   */
  async start(): Promise<void> {
    this.#inForce = await this.#options.read();
  }

  /**
   * Reads once more, after the readings that are under way. Never rejects.
   *
   * @returns whether it could be read.
   */
  refresh(): Promise<boolean> {
    const reading = this.#settled.then(() => this.#readOnce());
    this.#settled = reading.then(() => undefined);
    return reading;
  }

  /** Resolves when no reading is under way. */
  settled(): Promise<void> {
    return this.#settled;
  }

  async #readOnce(): Promise<boolean> {
    const { read, onChange, onTrouble } = this.#options;
    try {
      const found = await read();
      this.#trouble = null;
      if (found.mark === this.#inForce?.mark) return true;
      this.#inForce = found;
      onChange();
      return true;
    } catch (thrown) {
      const trouble = messageOf(thrown);
      if (trouble !== this.#trouble) onTrouble(thrown);
      this.#trouble = trouble;
      return false;
    }
  }
}
