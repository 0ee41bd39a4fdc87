import { createHash } from 'node:crypto';

/** Clients take names of tools up to this length, made of letters, digits, `_` and `-`. */
export const MAX_NAME_LENGTH = 64;

/** Characters of a name's hash, 80 bits of SHA-256. */
const HASH_LENGTH = 16;

/** How names end that stand for a longer one. A name that ends so by itself is shortened as well. */
const SHORT = /-[0-9a-v]{16}$/;

/**
 * What one server's tool or prompt is called behind the shared endpoint: its own name after the prefix,
 * or, where clients would not take that, a readable beginning and a hash of the whole. Two names of one
 * server never give the same, and one name always gives the same.
 *
 * @param prefix the server's alias with the separator.
 */
export function federatedName(prefix: string, name: string): string {
  const whole = prefix + name;
  const fits = whole.length <= MAX_NAME_LENGTH && /^[A-Za-z0-9_-]+$/.test(name);
  if (fits && !isShort(name)) return whole;
  const room = MAX_NAME_LENGTH - prefix.length - HASH_LENGTH - 1;
  const readable = name.slice(0, room).replaceAll(/[^A-Za-z0-9_-]/g, '_');
  return `${prefix}${readable}-${hashOf(name)}`;
}

/** Whether what follows the prefix stands for a name that it does not tell. */
export function isShort(name: string): boolean {
  return SHORT.test(name);
}

/** A name taken apart at its first separator, `null` when it has none. */
export function splitName(
  separator: string,
  name: string,
): { readonly alias: string; readonly rest: string } | null {
  const at = name.indexOf(separator);
  if (at <= 0) return null;
  return { alias: name.slice(0, at), rest: name.slice(at + separator.length) };
}

/** Base 32 with the extended hex alphabet (RFC 4648 §7), in lower case. */
function hashOf(name: string): string {
  const digest = createHash('sha256').update(name).digest();
  let bits = BigInt(`0x${digest.toString('hex', 0, (HASH_LENGTH * 5) / 8)}`);
  let text = '';
  for (let index = 0; index < HASH_LENGTH; index += 1) {
    text = (bits % 32n).toString(32) + text;
    bits /= 32n;
  }
  return text;
}
