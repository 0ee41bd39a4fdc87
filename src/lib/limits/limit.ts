/** One bound: its default, its unit (in its name) and its reason. */
export interface Limit {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  /** Why the bound exists and why its default is what it is. */
  readonly reason: string;
}

export const KIB = 1024;
export const MIB = 1024 * KIB;
export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
