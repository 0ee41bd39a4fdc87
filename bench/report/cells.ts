/** How figures are written. */
import type { Spread } from '../statistics.ts';

/** What stands where there is no figure. */
export const NOTHING = '–';

export function count(value: number): string {
  return Number.isFinite(value) ? String(Math.round(value)) : NOTHING;
}

export function percent(share: number): string {
  if (!Number.isFinite(share)) return NOTHING;
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
}

export function microseconds(value: number): string {
  return Number.isFinite(value) ? value.toFixed(value < 10 ? 1 : 0) : NOTHING;
}

/** @param us microseconds. */
export function milliseconds(us: number): string {
  return (us / 1000).toFixed(2);
}

/** Milliseconds, nothing where no latency was measured. */
export function latency(us: number): string {
  return us > 0 ? milliseconds(us) : NOTHING;
}

export function megabytes(bytes: number): string {
  return bytes > 0 ? `${Math.round(bytes / 1e6)} MB` : NOTHING;
}

export function times(ratio: number): string {
  return Number.isFinite(ratio) ? ratio.toFixed(2) : NOTHING;
}

/** The median, and in parentheses the smallest and the largest of the rounds if they differ. */
export function withSpread(spread: Spread | null, write: (value: number) => string): string {
  if (spread === null) return NOTHING;
  const [middle, min, max] = [spread.median, spread.min, spread.max].map((value) => write(value));
  return min === max ? `${middle}` : `${middle} (${min}–${max})`;
}
