/** Before an alias that begins with a digit, with which no scheme does. No alias has two dots in a row. */
const BEFORE_DIGIT = 'n..';

/**
 * The beginning of a scheme that stands for an alias, in the characters that schemes have (RFC 3986
 * §3.1); aliases have no dots, so it can be read back.
 */
export function schemeOf(alias: string): string {
  const scheme = alias.replaceAll('_', '.');
  return /^[0-9]/.test(scheme) ? BEFORE_DIGIT + scheme : scheme;
}
