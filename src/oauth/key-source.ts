import type { KeySet } from './key-set.ts';

/** Where one issuer's keys come from. */
export interface KeySource {
  /**
   * The keys that are believed at this time, `null` when they have to be asked for first.
   *
   * @throws TokenKeysUnavailable when nobody could tell them for too long.
   */
  current(nowMs: number): KeySet | null;
  /**
   * Asks for them again, for all callers together and not too often.
   *
   * @returns `null` when it is too early to ask; else a promise that never rejects and does not take
   *   longer than a limit.
   */
  refresh(nowMs: number): Promise<void> | null;
}

/** Keys that do not change by themselves, such as those of a file. */
export function fixedKeys(keys: KeySet): KeySource {
  return { current: () => keys, refresh: () => null };
}
