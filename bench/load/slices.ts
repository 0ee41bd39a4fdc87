import { Histogram } from './histogram.ts';
import type { Quiet } from './plan.ts';

const SLICE_US = 25_000;
/** After a stall the calls that waited take as long again at half load. */
const RECOVERY = 2;

/**
 * Latencies by the time at which their calls were due, in slices of a window, so that those can be told
 * apart which a hypervisor had no part in: it takes a core away for tens of milliseconds at a time.
 */
export class Slices {
  readonly #from: number;
  readonly #histograms: Histogram[] = [];
  readonly #disturbed = new Set<number>();
  #stolenMs: number | null = null;

  /** @param from when the first slice begins, microseconds of the monotonic clock. */
  constructor(from: number) {
    this.#from = from;
  }

  record(dueAt: number, latencyUs: number): void {
    const index = this.#indexOf(dueAt);
    (this.#histograms[index] ??= new Histogram()).record(latencyUs);
  }

  /**
   * Takes a reading of the time that was stolen from the machine; to be called several times a slice.
   *
   * @param now microseconds of the monotonic clock.
   */
  look(now: number, stolenMs: number): void {
    const stolenUs = (stolenMs - (this.#stolenMs ?? stolenMs)) * 1000;
    this.#stolenMs = stolenMs;
    if (stolenUs <= 0) return;
    const last = this.#indexOf(now + stolenUs * RECOVERY + SLICE_US);
    // A call of the slice before may have been under way.
    const first = this.#indexOf(now - stolenUs - SLICE_US);
    for (let index = first; index <= last; index += 1) this.#disturbed.add(index);
  }

  /** What was seen while nothing was stolen. */
  quiet(): Quiet {
    const all = new Histogram();
    let slices = 0;
    for (const [index, histogram] of this.#histograms.entries()) {
      if (histogram === undefined || this.#disturbed.has(index)) continue;
      all.add(histogram);
      slices += 1;
    }
    const share = slices / Math.max(1, this.#histograms.length);
    return { share, calls: all.count, latencyUs: all.summary() };
  }

  #indexOf(at: number): number {
    return Math.max(0, Math.floor((at - this.#from) / SLICE_US));
  }
}
