/**
 * How long a server asks to be left alone, in milliseconds, by its `Retry-After` header: seconds or a
 * date (RFC 9110 §10.2.3). 0 for none, for more than one, and for what cannot be read.
 */
export function retryAfterMs(value: string | readonly string[] | undefined, nowMs: number): number {
  const text = typeof value === 'string' ? value.trim() : '';
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  // Dates of HTTP are in GMT and have letters; other texts would be guessed at.
  if (!/^[A-Z][a-z]{2,8},? .{1,40} GMT$/.test(text)) return 0;
  const dateMs = Date.parse(text);
  return Number.isNaN(dateMs) ? 0 : Math.max(0, dateMs - nowMs);
}
