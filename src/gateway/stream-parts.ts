import type { Call } from '#pipeline';
import { isStillPermitted } from '#pipeline';
import type { Policy } from '#policy';

interface StreamPart {
  readonly call: Call;
  readonly abort: AbortController;
}

/** Streams of single servers, of which those of clients of many servers are made. */
export class StreamParts {
  readonly #parts = new Set<StreamPart>();

  /**
   * Runs a call that stays open, as long as policy permits it.
   *
   * @param run is given the signal that tells that policy does not permit it any more.
   */
  async during(call: Call, run: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const part = { call, abort: new AbortController() };
    this.#parts.add(part);
    try {
      await run(part.abort.signal);
    } finally {
      this.#parts.delete(part);
    }
  }

  /** Ends those that policy does not permit any more. */
  recheck(policy: Policy, trustDomain: string): void {
    for (const { call, abort } of this.#parts) {
      if (!isStillPermitted(call, policy, trustDomain)) abort.abort();
    }
  }
}
