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

/** Nobody takes the last quarter alone, so that there is something left for the others. */
const SHARE = 0.75;

/**
 * Lets a bounded number in at a time; further ones wait, up to a bound, for a while. Principals take
 * turns, and those of one principal keep their order. However many wait, nothing here looks at more of
 * them than the one that is meant.
 */
export class Gate {
  readonly #limits: GateLimits;
  /** The principals who wait; whose turn it is comes first. */
  readonly #lines = new Map<string, Set<Waiter>>();
  readonly #insideOf = new Map<string, number>();
  #inside = 0;
  #waiting = 0;
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
    const mine = this.#lines.get(principal)?.size ?? 0;
    if (this.#waiting >= maxQueue || mine >= shareOf(maxQueue)) {
      throw this.#overloaded('too many calls wait');
    }
    return this.#wait(principal, signal);
  }

  /** Leaves, which lets one in whose principal may enter. */
  leave(principal: string): void {
    this.#count(principal, -1);
    // At most one principal can be at its share, so this ends at the second at the latest.
    for (const [next, line] of this.#lines) {
      if (!this.#mayEnter(next)) continue;
      const [first] = line;
      // The others have their turn before it has the next one.
      this.#lines.delete(next);
      this.#lines.set(next, line);
      first?.enter();
      return;
    }
  }

  /** Turns everybody away who waits or comes. */
  close(): void {
    this.#closed = true;
    for (const line of this.#lines.values()) {
      for (const waiter of line) waiter.refuse(closedError());
    }
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
        this.#outOfLine(principal, waiter);
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      };
      const waiter: Waiter = {
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
      this.#intoLine(principal, waiter);
    });
  }

  #intoLine(principal: string, waiter: Waiter): void {
    const line = this.#lines.get(principal);
    if (line === undefined) this.#lines.set(principal, new Set([waiter]));
    else line.add(waiter);
    this.#waiting += 1;
  }

  #outOfLine(principal: string, waiter: Waiter): void {
    const line = this.#lines.get(principal);
    if (line?.delete(waiter) !== true) return;
    this.#waiting -= 1;
    if (line.size === 0) this.#lines.delete(principal);
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
