import type { Limits } from '#lib';

/** How much may wait. */
type Bounds = Pick<Limits, 'maxQueuedMessages' | 'sseBufferBytes'>;

interface Waiting<T> {
  readonly item: T;
  readonly bytes: number;
  readonly taken: () => void;
}

/** Items on their way from several sources to one taker, few at a time. */
export class Inbox<T> {
  readonly #items: Waiting<T>[] = [];
  #bytes = 0;
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
    return new Promise((taken) => this.#items.push({ item, bytes: 0, taken }));
  }

  /** Adds an item of a source that does not wait; false when too many wait already. */
  offer(item: T, bytes: number, { maxQueuedMessages, sseBufferBytes }: Bounds): boolean {
    if (this.#taker !== null || this.#end !== null) {
      void this.put(item);
      return true;
    }
    const hasRoom = this.#items.length < maxQueuedMessages && this.#bytes + bytes <= sseBufferBytes;
    if (!hasRoom) return false;
    this.#bytes += bytes;
    this.#items.push({ item, bytes, taken: () => undefined });
    return true;
  }

  /**
   * The next item, `null` after the end.
   *
   * @throws the failure that it ended with.
   */
  take(): Promise<T | null> {
    const next = this.#items.shift();
    if (next !== undefined) {
      this.#bytes -= next.bytes;
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
