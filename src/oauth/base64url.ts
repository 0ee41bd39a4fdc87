const BASE64URL = /^[A-Za-z0-9_-]+$/;
const LAST = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/**
 * Whether this is base64url of at least one byte as RFC 7515 §2 has it: no padding, no white space, and
 * no bits behind the last byte, since otherwise one value could be written in several ways.
 */
export function isBase64url(value: unknown): value is string {
  if (typeof value !== 'string' || !BASE64URL.test(value)) return false;
  const rest = value.length % 4;
  if (rest === 0) return true;
  const unused = rest === 2 ? 0b1111 : 0b11;
  return rest !== 1 && (LAST.indexOf(value.slice(-1)) & unused) === 0;
}
