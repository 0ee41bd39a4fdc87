/** How long certificates are valid. */

const DAY_MS = 24 * 60 * 60 * 1000;

// Peers whose clock is a little behind must accept a certificate that was just made.
const BACKDATE_MS = 5 * 60 * 1000;

/** Days from now to `notAfter`, by role. */
export const LIFETIME_DAYS = { root: 3650, issuing: 1825, gateway: 397, client: 90 } as const;

/** The longest lifetime that a client certificate can be given, in days. */
export const MAX_CLIENT_DAYS = LIFETIME_DAYS.gateway;

/** The validity of a certificate made now, in whole seconds as X.509 counts them. */
export function validity(nowMs: number, days: number): { notBeforeMs: number; notAfterMs: number } {
  const second = Math.floor(nowMs / 1000) * 1000;
  return { notBeforeMs: second - BACKDATE_MS, notAfterMs: second + days * DAY_MS };
}
