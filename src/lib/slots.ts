/**
 * What is there at present, of things that come and go by the thousand, such as calls.
 *
 * A `Set` or `Map` would do the same and hold on to all of them: V8 makes a new table each time that one
 * is full of deleted entries, and the old table points to the new. As soon as one of these tables is in
 * the old generation, as every one is that lives when that is collected, it keeps all that follow from
 * being collected with the young. Each collection then copies what was long done, for tens of milliseconds.
 */
export class Slots<T extends object> implements Iterable<T> {
  readonly #items: (T | null)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#items.length - this.#free.length;
  }

  /** @returns the slot, by which it is removed again. */
  add(item: T): number {
    const slot = this.#free.pop() ?? this.#items.length;
    this.#items[slot] = item;
    return slot;
  }

  /** @param slot of something that is there. */
  remove(slot: number): void {
    if (this.#items[slot] === undefined || this.#items[slot] === null) {
      throw new Error(`nothing is in slot ${slot}`);
    }
    this.#items[slot] = null;
    this.#free.push(slot);
  }

  /** What is added meanwhile may come too. */
  *[Symbol.iterator](): Iterator<T> {
    for (const item of this.#items) if (item !== null) yield item;
  }
}
