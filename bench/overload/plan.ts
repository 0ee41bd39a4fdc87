/** What the overload measurement asks of its generator, and what that answers. */
import type { Percentiles, Target } from '../load/plan.ts';

/** Constant rates, one after the other, over the same connections. */
export interface OverloadPlan {
  readonly target: Target;
  readonly connections: number;
  readonly steps: readonly Step[];
  /** The gateway, whose memory is looked at. */
  readonly pid: number;
}

/** A closed loop over a few connections, or calls at a fixed rate. */
export interface Step {
  readonly name: string;
  readonly seconds: number;
  /** Times the rate of the closed loop, which is the first step; `null` for that one. */
  readonly load: number | null;
}

/** What a step saw. */
export interface StepReport {
  readonly name: string;
  /** Calls due per second; of the closed loop, those answered. */
  readonly rate: number;
  readonly served: number;
  /** Refusals by the limit that they name. */
  readonly refused: Readonly<Record<string, number>>;
  readonly errors: number;
  readonly complaints: readonly string[];
  /** Calls for which no connection was free when they were due: the client's own queue was full. */
  readonly unsent: number;
  /** Of served calls and of refusals, from the moment that they were sent. */
  readonly servedUs: Percentiles;
  readonly refusedUs: Percentiles;
  /** When in the step the last refusal came, in seconds; `null` without one. */
  readonly lastRefusalAt: number | null;
  /** Bytes of the gateway's resident set: at the end of the step, and the most in it. */
  readonly rss: { readonly end: number; readonly most: number };
}
