import { setTimeout as delay } from 'node:timers/promises';
import type { PosternError } from '#lib';
import type { ClientConnection } from '#transport';

/** The end of a conversation, which comes once. */
export class Closing {
  readonly #abort = new AbortController();
  readonly #ended = Promise.withResolvers<PosternError | null>();
  readonly #callbacks = new Set<() => void>();
  #closed: Promise<void> | null = null;
  #over = false;

  /** The stream as sessions see it: it is open until everything about the conversation has ended. */
  readonly connection: ClientConnection = {
    onceClosed: (callback) => {
      if (this.#over) callback();
      else this.#callbacks.add(callback);
    },
  };

  get begun(): boolean {
    return this.#closed !== null;
  }

  /** Aborted when the end begins. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Resolves when everything has ended, with why. */
  get ended(): Promise<PosternError | null> {
    return this.#ended.promise;
  }

  /** Does the work of ending, the first time; waits for it, later. */
  once(why: PosternError | null, work: () => Promise<void>): Promise<void> {
    this.#closed ??= this.#close(why, work);
    return this.#closed;
  }

  /** Waits for something, at most for a time. */
  async unless(timeoutMs: number, wanted: () => Promise<unknown>): Promise<void> {
    const timer = new AbortController();
    const late = delay(timeoutMs, undefined, { signal: timer.signal });
    await Promise.race([wanted(), late]);
    timer.abort();
    await late.catch(() => undefined);
  }

  async #close(why: PosternError | null, work: () => Promise<void>): Promise<void> {
    this.#abort.abort();
    await work();
    this.#over = true;
    for (const callback of this.#callbacks) callback();
    this.#callbacks.clear();
    this.#ended.resolve(why);
  }
}
