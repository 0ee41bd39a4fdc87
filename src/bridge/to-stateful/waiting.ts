import { unlessGone } from '../reply.ts';

/** Calls that wait for a place in some session, each in the name of a principal. */
export class Waiting {
  readonly #principals = new Map<() => void, string>();

  /** How many of this principal wait. */
  of(principal: string): number {
    return [...this.#principals.values()].filter((other) => other === principal).length;
  }

  /** Waits for the next {@link wake}. @throws CallCancelled when the client goes away. */
  async turn(principal: string, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#principals.set(resolve, principal);
    try {
      await unlessGone(promise, signal);
    } finally {
      this.#principals.delete(resolve);
    }
  }

  /** Lets all of them look again. */
  wake(): void {
    for (const resolve of this.#principals.keys()) resolve();
  }
}
