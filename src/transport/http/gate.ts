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
  readonly principal: string;
  readonly enter: () => void;
  readonly refuse: (reason: Error) => void;
}

/** Nobody takes the last quarter alone, so that there is something left for the others. */
const SHARE = 0.75;

/** Lets a bounded number in at a time; further ones wait in order, up to a bound, for a while. */
export class Gate {
  readonly #limits: GateLimits;
  readonly #waiting = new Set<Waiter>();
  readonly #insideOf = new Map<string, number>();
  #inside = 0;
  #closed = false;

  constructor(limits: GateLimits) {
    this.#limits = limits;
  }

  /**
   * Enters: at once when it returns `null`, else when the promise resolves. Whoever is in must
   * {@link leave}.
   *
   * @throws UpstreamOverloaded when too many wait already, of this principal or at all, or for too
   *   long; CallCancelled on abort; UpstreamUnavailable once closed.
   */
  enter(principal: string, signal: AbortSignal): Promise<void> | null {
    if (this.#closed) throw closedError();
    const { max, maxQueue } = this.#limits;
    if (this.#inside < max && this.#mayEnter(principal)) {
      this.#count(principal, 1);
      return null;
    }
    const mine = [...this.#waiting].filter((waiter) => waiter.principal === principal).length;
    if (this.#waiting.size >= maxQueue || mine >= shareOf(maxQueue)) {
      throw this.#overloaded('too many calls wait');
    }
    return this.#wait(principal, signal);
  }

  /** Leaves, which lets the first in line enter who may. */
  leave(principal: string): void {
    this.#count(principal, -1);
    for (const waiter of this.#waiting) {
      if (!this.#mayEnter(waiter.principal)) continue;
      waiter.enter();
      return;
    }
  }

  /** Turns everybody away who waits or comes. */
  close(): void {
    this.#closed = true;
    for (const waiter of this.#waiting) waiter.refuse(closedError());
  }

  #mayEnter(principal: string): boolean {
    return (this.#insideOf.get(principal) ?? 0) < shareOf(this.#limits.max);
  }

  #count(principal: string, change: 1 | -1): void {
    this.#inside += change;
    const count = (this.#insideOf.get(principal) ?? 0) + change;
    if (count === 0) this.#insideOf.delete(principal);
    else this.#insideOf.set(principal, count);
  }

  #wait(principal: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        this.#waiting.delete(waiter);
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      };
      const waiter: Waiter = {
        principal,
        enter: () => {
          done();
          this.#count(principal, 1);
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

function shareOf(max: number): number {
  return Math.ceil(max * SHARE);
}

function closedError(): Error {
  return new UpstreamUnavailable('the gateway is closing its connections to the server');
}
