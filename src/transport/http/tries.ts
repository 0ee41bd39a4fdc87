import type { Attempt } from './attempt.ts';
import type { Endpoint } from './endpoint.ts';
import type { Endpoints } from './endpoints.ts';
import type { RetryBudget } from './retry-budget.ts';

interface TriesOptions {
  readonly endpoints: Endpoints;
  readonly budget: RetryBudget;
  /** Where it has to go, `null` for anywhere. */
  readonly at: Endpoint | null;
  /** A server that has got it already may get it once more. */
  readonly repeatable: boolean;
  readonly principal: string;
  readonly signal: AbortSignal;
}

/** Decides whether an exchange that failed is tried once more. */
export class Tries {
  /** Endpoints that have failed it. */
  readonly lost: Endpoint[] = [];
  readonly #options: TriesOptions;
  #repeated = false;

  constructor(options: TriesOptions) {
    this.#options = options;
  }

  /**
   * Whether to go on after an attempt. What was never sent may go to each of the endpoints once; what
   * may have arrived is sent a second time at most, within the budget.
   */
  goOn(attempt: Attempt): boolean {
    const { repeatable, signal, budget, principal } = this.#options;
    if (!attempt.endpointFailed || signal.aborted) return false;
    if (!attempt.sent) return this.#elsewhere(attempt.endpoint);
    if (!repeatable || this.#repeated) return false;
    if (!this.#elsewhere(attempt.endpoint)) {
      // A server may close a connection just as a request comes: where there is no other, it may be there.
      const crossed =
        attempt.reused && !attempt.answered && attempt.endpoint.breaker.isReady(principal);
      if (!crossed) return false;
      this.lost.pop();
    }
    this.#repeated = budget.take();
    return this.#repeated;
  }

  #elsewhere(endpoint: Endpoint): boolean {
    const { endpoints, at, principal } = this.#options;
    this.lost.push(endpoint);
    return at === null && endpoints.has(principal, this.lost);
  }
}
