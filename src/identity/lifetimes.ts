/** How long certificates are valid. */

const DAY_MS = 24 * 60 * 60 * 1000;

// Peers whose clock is a little behind must accept a certificate that was just made.
const BACKDATE_MS = 5 * 60 * 1000;

/** From now to `notAfter`, of the authorities. */
export const AUTHORITY_LIFETIME_MS = { root: 3650 * DAY_MS, issuing: 730 * DAY_MS } as const;

/** An issuing CA is replaced after this part of its life, so that it can always issue for a year. */
export const ISSUING_DUE_AFTER = 1 / 2;

/**
 * Days before their end when the roots are to be replaced: half a year before a client certificate of
 * full length no longer fits below them.
 */
export const ROOT_DUE_DAYS = 548;

/** Lifetime of a client certificate unless it is asked for, in days. */
export const CLIENT_DAYS = 90;

/** The longest lifetime that a client certificate can be given, in days. */
export const MAX_CLIENT_DAYS = 365;

/** A number of days in milliseconds. */
export function daysMs(days: number): number {
  return days * DAY_MS;
}

/** The validity of a certificate made now, in whole seconds as X.509 counts them. */
export function validity(
  nowMs: number,
  lifetimeMs: number,
): { notBeforeMs: number; notAfterMs: number } {
  const second = Math.floor(nowMs / 1000) * 1000;
  return { notBeforeMs: second - BACKDATE_MS, notAfterMs: second + lifetimeMs };
}
