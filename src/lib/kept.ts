import { messageOf } from './errors.ts';

/** What was read. */
export interface Reading<T> {
  /** The same for the same content, and for no other. */
  readonly mark: string;
  /** Makes the value of it; asked only when the content is another than that in force. */
  readonly make: () => T;
}

/** Options of {@link Kept}. */
export interface KeptOptions<T> {
  readonly read: () => Promise<Reading<T>>;
  /** A new value is in force. */
  readonly onChange: () => void;
  /** There is no value of it, for another reason than the last time; what was in force stays so. */
  readonly onTrouble: (thrown: unknown) => void;
}

/** A value that is read again and again. What was read last stays in force while reading fails. */
export class Kept<T> {
  readonly #options: KeptOptions<T>;
  #inForce: { readonly mark: string; readonly value: T } | null = null;
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
   * @throws what reading and making throw.
   */
  async start(): Promise<void> {
    const { mark, make } = await this.#options.read();
    this.#inForce = { mark, value: make() };
  }

  /**
   * Reads once more, after the readings that are under way. Never rejects.
   *
   * @returns whether there was a value.
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
      const { mark, make } = await read();
      const changed = mark !== this.#inForce?.mark;
      if (changed) this.#inForce = { mark, value: make() };
      this.#trouble = null;
      if (changed) onChange();
      return true;
    } catch (thrown) {
      const trouble = messageOf(thrown);
      if (trouble !== this.#trouble) onTrouble(thrown);
      this.#trouble = trouble;
      return false;
    }
  }
}
