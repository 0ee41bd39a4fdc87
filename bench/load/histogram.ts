import type { Percentiles } from './plan.ts';

/** Buckets per power of two: values are kept to 1 part in 128, better than 0.8 %. */
const SUB_BITS = 7;
const SUB = 1 << SUB_BITS;
/** Tenths of a microsecond, so that 32 bits reach 3.5 minutes. */
const UNITS_PER_US = 10;
const MAX_UNITS = 2 ** 31 - 1;

/** Log-bucket histogram of durations: constant memory, no allocation while it records. */
export class Histogram {
  readonly #counts = new Uint32Array((32 - SUB_BITS + 1) * SUB);
  #count = 0;
  #max = 0;

  get count(): number {
    return this.#count;
  }

  /** Counts one duration, in microseconds; negative ones count as 0. */
  record(microseconds: number): void {
    const units = Math.min(MAX_UNITS, Math.max(0, Math.round(microseconds * UNITS_PER_US)));
    const index = bucketOf(units);
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#count += 1;
    if (units > this.#max) this.#max = units;
  }

  /** Counts everything that another one counted. */
  add(other: Histogram): void {
    for (const [index, count] of other.#counts.entries()) {
      this.#counts[index] = (this.#counts[index] ?? 0) + count;
    }
    this.#count += other.#count;
    this.#max = Math.max(this.#max, other.#max);
  }

  /**
   * The duration that a share of all does not exceed, in microseconds; 0 when nothing was recorded.
   *
   * @param share between 0 and 1.
   */
  percentile(share: number): number {
    const wanted = Math.max(1, Math.ceil(share * this.#count));
    let seen = 0;
    for (const [index, count] of this.#counts.entries()) {
      seen += count;
      if (seen >= wanted) return Math.min(upperBoundOf(index), this.#max) / UNITS_PER_US;
    }
    return 0;
  }

  /** The percentiles that reports carry. */
  summary(): Percentiles {
    return {
      p50: this.percentile(0.5),
      p99: this.percentile(0.99),
      p999: this.percentile(0.999),
      max: this.#max / UNITS_PER_US,
    };
  }
}

/** Below `2 * SUB` each value has its own bucket; above, each power of two has `SUB` of them. */
function bucketOf(units: number): number {
  const shift = Math.max(0, 31 - Math.clz32(units | 1) - SUB_BITS);
  return shift * SUB + (units >>> shift);
}

function upperBoundOf(index: number): number {
  const shift = Math.max(0, Math.floor(index / SUB) - 1);
  const base = index - shift * SUB;
  return (base + 1) * 2 ** shift - 1;
}
