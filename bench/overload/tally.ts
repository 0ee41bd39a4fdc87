import { Histogram } from '../load/histogram.ts';
import type { Response } from '../load/response.ts';
import { nowUs } from '../load/window.ts';
import type { StepReport } from './plan.ts';

const MAX_COMPLAINTS = 5;

/** Counts what came of the calls of one step. */
export class Tally {
  served = 0;
  /** Calls that could not be sent. */
  unsent = 0;
  readonly #startedAt = nowUs();
  readonly #servedUs = new Histogram();
  readonly #refusedUs = new Histogram();
  readonly #refused: Record<string, number> = {};
  readonly #complaints: string[] = [];
  #errors = 0;
  #lastRefusalAt: number | null = null;

  /** @param complaintOf what is wrong with an answer that is no refusal, `null` for nothing. */
  count(
    outcome: Response | Error,
    latencyUs: number,
    complaintOf: (response: Response) => string | null,
  ): void {
    if (outcome instanceof Error) {
      this.#wrong(outcome.message);
      return;
    }
    const limit = limitIn(outcome);
    if (limit !== null) {
      this.#refused[limit] = (this.#refused[limit] ?? 0) + 1;
      this.#refusedUs.record(latencyUs);
      this.#lastRefusalAt = (nowUs() - this.#startedAt) / 1e6;
      return;
    }
    const complaint = complaintOf(outcome);
    if (complaint !== null) {
      this.#wrong(complaint);
      return;
    }
    this.served += 1;
    this.#servedUs.record(latencyUs);
  }

  report(): Omit<StepReport, 'name' | 'rate' | 'rss'> {
    return {
      served: this.served,
      refused: this.#refused,
      errors: this.#errors,
      complaints: this.#complaints,
      unsent: this.unsent,
      servedUs: this.#servedUs.summary(),
      refusedUs: this.#refusedUs.summary(),
      lastRefusalAt: this.#lastRefusalAt,
    };
  }

  #wrong(complaint: string): void {
    this.#errors += 1;
    if (this.#complaints.length < MAX_COMPLAINTS) this.#complaints.push(complaint);
  }
}

/** The limit that a clear refusal names: 503 with a JSON-RPC error of ours. */
function limitIn({ head, body }: Response): string | null {
  if (head.status !== 503) return null;
  const { error } = JSON.parse(body.toString()) as {
    error?: { data?: { code?: string; limit?: string } };
  };
  const { code, limit } = error?.data ?? {};
  if (code === undefined) return null;
  return limit === undefined ? code : `${code} ${limit}`;
}
