/** How long calls took, and whether that stayed as it was. */

/** Times of calls in the order in which they ended. */
export class Times {
  readonly #ms: number[] = [];

  get count(): number {
    return this.#ms.length;
  }

  add(ms: number): void {
    this.#ms.push(ms);
  }

  /** p99 of each third of the calls, in milliseconds. */
  p99OfThirds(): readonly [number, number, number] {
    const third = Math.ceil(this.#ms.length / 3);
    const p99 = (index: number): number =>
      percentile(this.#ms.slice(index * third, (index + 1) * third), 0.99);
    return [p99(0), p99(1), p99(2)];
  }
}

function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length * part)] ?? 0;
}
