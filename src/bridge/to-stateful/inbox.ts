/** Items on their way from several sources to one taker, few at a time. */
export class Inbox<T> {
  readonly #items: { readonly item: T; readonly taken: () => void }[] = [];
  #taker: PromiseWithResolvers<T | null> | null = null;
  #end: { readonly failure: unknown } | null = null;

  /** Adds an item; resolves when it has been taken, so that sources go at the pace of the taker. */
  put(item: T): Promise<void> {
    if (this.#end !== null) return Promise.resolve();
    if (this.#taker !== null) {
      this.#taker.resolve(item);
      this.#taker = null;
      return Promise.resolve();
    }
    return new Promise((taken) => this.#items.push({ item, taken }));
  }

  /** Adds an item unless too many wait already. */
  offer(item: T, max: number): void {
    if (this.#items.length < max) void this.put(item);
  }

  /**
   * The next item, `null` after the end.
   *
   * @throws the failure that it ended with.
   */
  take(): Promise<T | null> {
    const next = this.#items.shift();
    if (next !== undefined) {
      next.taken();
      return Promise.resolve(next.item);
    }
    if (this.#end === null) {
      this.#taker ??= Promise.withResolvers();
      return this.#taker.promise;
    }
    const { failure } = this.#end;
    this.#end = { failure: null };
    return failure === null ? Promise.resolve(null) : Promise.reject(failure);
  }

  /** No more items after those that wait; with a failure, taking ends in it. */
  end(failure: unknown = null): void {
    if (this.#end !== null) return;
    this.#end = { failure };
    const taker = this.#taker;
    this.#taker = null;
    if (taker === null) return;
    this.#end = { failure: null };
    if (failure === null) taker.resolve(null);
    else taker.reject(failure);
  }

  /** Lets go of what waits and takes nothing more. */
  close(): void {
    this.end();
    for (const { taken } of this.#items.splice(0)) taken();
  }
}
