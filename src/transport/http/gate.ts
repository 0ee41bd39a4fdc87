import { CallCancelled, UpstreamOverloaded, UpstreamUnavailable } from '../errors.ts';

/** Bounds of a {@link Gate}. */
interface GateLimits {
  /** How many may be inside. */
  readonly max: number;
  /** How many may wait. */
  readonly maxQueue: number;
  /** How long one may wait. */
  readonly waitMs: number;
  /** Name of the limit behind `max`, for the caller who is turned away. */
  readonly limit: string;
}

interface Waiter {
  readonly enter: () => void;
  readonly refuse: (reason: Error) => void;
}

/** Lets a bounded number in at a time; further ones wait in order, up to a bound, for a while. */
export class Gate {
  readonly #limits: GateLimits;
  readonly #waiting = new Set<Waiter>();
  #inside = 0;
  #closed = false;

  constructor(limits: GateLimits) {
    this.#limits = limits;
  }

  /**
   * Enters: at once when it returns `null`, else when the promise resolves. Whoever is in must
   * {@link leave}.
   *
   * @throws UpstreamOverloaded when too many wait already, or for too long; CallCancelled on abort;
   *   UpstreamUnavailable once closed.
   */
  enter(signal: AbortSignal): Promise<void> | null {
    if (this.#closed) throw closedError();
    if (this.#inside < this.#limits.max) {
      this.#inside += 1;
      return null;
    }
    if (this.#waiting.size >= this.#limits.maxQueue) throw this.#overloaded('too many calls wait');
    return this.#wait(signal);
  }

  /** Leaves, which lets the first in line enter. */
  leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#inside -= 1;
    else next.enter();
  }

  /** Turns everybody away who waits or comes. */
  close(): void {
    this.#closed = true;
    for (const waiter of this.#waiting) waiter.refuse(closedError());
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        this.#waiting.delete(waiter);
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      };
      const waiter: Waiter = {
        enter: () => {
          done();
          resolve();
        },
        refuse: (reason) => {
          done();
          reject(reason);
        },
      };
      const onAbort = (): void => waiter.refuse(new CallCancelled('cancelled while it waited'));
      const timer = setTimeout(() => {
        waiter.refuse(this.#overloaded('no connection came free in time'));
      }, this.#limits.waitMs);
      timer.unref();
      signal.addEventListener('abort', onAbort);
      this.#waiting.add(waiter);
    });
  }

  #overloaded(reason: string): Error {
    const { limit, max } = this.#limits;
    return new UpstreamOverloaded(`${reason}: ${max} are open to the server`, {
      details: { limit, max },
    });
  }
}

function closedError(): Error {
  return new UpstreamUnavailable('the gateway is closing its connections to the server');
}
