import type { LimitName, Limits } from '#lib';
import { LIMITS } from '#lib';
import { z } from 'zod';

/** `maxRequestBytes` as postern.yaml has it: `max_request_bytes`. */
export function limitKey(name: LimitName): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Every name of LIMITS, in its order. */
export const LIMIT_NAMES = Object.keys(LIMITS) as readonly LimitName[];

/** The `limits` section: each limit within its bounds, {@link Limits} out. */
export const limits = z
  .strictObject(Object.fromEntries(LIMIT_NAMES.map((name) => [limitKey(name), limit(name)])))
  .transform(
    (values): Limits =>
      Object.fromEntries(LIMIT_NAMES.map((name) => [name, values[limitKey(name)]])) as Limits,
  );

function limit(name: LimitName) {
  const { default: usual, min, max, reason } = LIMITS[name];
  return z.int().min(min).max(max).default(usual).describe(reason);
}
