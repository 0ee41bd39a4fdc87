/** What keeps bytes and can let go of some. */
export interface Keeper {
  /** Lets go of its oldest bytes, in every budget that they count in; of its place there if none. */
  dropOldest(): void;
}

/** Bytes that some keepers may keep together. Past the bound the one that is silent longest gives. */
export class Budget {
  readonly #max: number;
  /** Those that keep something, the one that kept something last at the end. */
  readonly #keepers = new Set<Keeper>();
  #used = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Bytes that are kept. */
  get used(): number {
    return this.#used;
  }

  charge(keeper: Keeper, bytes: number): void {
    this.#used += bytes;
    this.#keepers.delete(keeper);
    this.#keepers.add(keeper);
    while (this.#used > this.#max) {
      const [silent] = this.#keepers;
      if (silent === undefined) return;
      silent.dropOldest();
    }
  }

  /** @param last whether the keeper keeps nothing more. */
  release(keeper: Keeper, bytes: number, last: boolean): void {
    this.#used -= bytes;
    if (last) this.#keepers.delete(keeper);
  }
}
