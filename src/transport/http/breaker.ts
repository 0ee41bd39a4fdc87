import type { Limits } from '#lib';

type BreakerLimits = Pick<
  Limits,
  'upstreamMaxFailures' | 'upstreamBackoffMinMs' | 'upstreamBackoffMaxMs'
>;

/** Why an endpoint is left alone. */
export interface Fault {
  /** One sentence. */
  readonly reason: string;
  /** Of the failure, when it has one. */
  readonly code: string | null;
  /** The server itself asks to be left alone for so long (`Retry-After`); 0 when it does not. */
  readonly wantedMs: number;
  /** Whose call met it, `null` where it has nothing to do with the call. */
  readonly principal: string | null;
}

/** Whether an endpoint is used: `up`, left alone (`down`), or tried by a single call (`trying`). */
export type BreakerState = 'up' | 'down' | 'trying';

interface BreakerOptions {
  readonly limits: BreakerLimits;
  /** Whether calls find out that the endpoint is back; otherwise somebody else does. */
  readonly triedByCalls: boolean;
  readonly onDown: (fault: Fault, pauseMs: number) => void;
  readonly onUp: () => void;
}

/**
 * Keeps calls from an endpoint that fails. After some failures in a row it is left alone for a pause;
 * then one call tries it, and another when that one takes long. Each trial that fails makes the next
 * pause longer.
 *
 * Whatever was under way when the endpoint went down says nothing new: while it is down only trials
 * count. Failures that one principal alone has met keep that one away: whose requests break a server
 * must not keep the others from it.
 */
export class Breaker {
  readonly #options: BreakerOptions;
  #fault: Fault | null = null;
  /** In a row. */
  #failures = 0;
  /** In a row. */
  #pauses = 0;
  /** End of the pause on the clock of performance.now(), `null` while the endpoint is up. */
  #until: number | null = null;
  #trying = false;
  /** From when on another trial may begin beside the one under way. */
  #nextTrial = 0;
  /** Whose calls alone have failed; `null` when it is for everybody. */
  #blamed: string | null = null;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  get state(): BreakerState {
    if (this.#until === null) return 'up';
    return this.#trying ? 'trying' : 'down';
  }

  /** For what the endpoint is left alone, `null` while it is up. */
  get fault(): Fault | null {
    return this.#until === null ? null : this.#fault;
  }

  /** Whether a call of this principal may be sent now. */
  isReady(principal: string): boolean {
    if (this.#until === null || this.#isOpenTo(principal)) return true;
    if (!this.#options.triedByCalls) return false;
    return performance.now() >= (this.#trying ? this.#nextTrial : this.#until);
  }

  /** How long the pause still lasts. */
  get waitMs(): number {
    return this.#until === null ? 0 : Math.max(0, this.#until - performance.now());
  }

  /**
   * A call begins; only while {@link isReady}.
   *
   * @returns whether it is a trial. Then a verdict, or {@link release}, has to follow.
   */
  enter(principal: string): boolean {
    if (this.#isOpenTo(principal)) return false;
    this.#trying = true;
    this.#nextTrial = performance.now() + this.#wholePauseMs();
    return true;
  }

  /** A trial has a connection: the answer to it may take its time, and others are not to wait for it. */
  connected(): void {
    const soon = performance.now() + this.#options.limits.upstreamBackoffMinMs;
    this.#nextTrial = Math.min(this.#nextTrial, soon);
  }

  /** The endpoint has answered. */
  succeeded(isTrial: boolean): void {
    if (this.#until !== null && !isTrial && this.#blamed === null) return;
    this.#failures = 0;
    if (this.#until === null) return;
    this.#pauses = 0;
    this.#until = null;
    this.#trying = false;
    this.#options.onUp();
  }

  /** The endpoint has failed. One that asks to be left alone is left alone at once. */
  failed(fault: Fault, isTrial: boolean): void {
    const first = this.#failures === 0;
    this.#blamed = first || this.#blamed === fault.principal ? fault.principal : null;
    const isDown = this.#until !== null;
    if (isDown && !isTrial) return;
    this.#failures += 1;
    const enough = this.#failures >= this.#options.limits.upstreamMaxFailures;
    if (isDown || enough || fault.wantedMs > 0) this.#pause(fault);
  }

  /** Ends the pause: things have changed, and what failed may work now. */
  endPause(): void {
    if (this.#until !== null) this.#until = performance.now();
  }

  /** A trial has ended without a verdict. */
  release(): void {
    this.#trying = false;
  }

  #isOpenTo(principal: string): boolean {
    return this.#until === null || (this.#blamed !== null && this.#blamed !== principal);
  }

  #pause(fault: Fault): void {
    const isNews = this.#until === null;
    const whole = this.#wholePauseMs();
    const most = this.#options.limits.upstreamBackoffMaxMs;
    // Other gateways before the same server must not all come back at once.
    const pauseMs = Math.max(whole * (0.5 + Math.random() / 2), Math.min(most, fault.wantedMs));
    this.#fault = fault;
    this.#pauses += 1;
    this.#trying = false;
    this.#until = performance.now() + pauseMs;
    if (isNews) this.#options.onDown(fault, pauseMs);
  }

  #wholePauseMs(): number {
    const { upstreamBackoffMinMs: least, upstreamBackoffMaxMs: most } = this.#options.limits;
    return Math.min(most, least * 2 ** Math.min(this.#pauses, 30));
  }
}
