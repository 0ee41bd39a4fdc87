/**
 * URIs of resources behind the shared endpoint: `<scheme>+<URI of the server's own>`, where the scheme
 * says the server in the characters that schemes have (RFC 3986 §3.1). Templates keep their braces.
 */

/** Before an alias that begins with a digit, with which no scheme does. No alias has two dots in a row. */
const BEFORE_DIGIT = 'n..';

/** The beginning of a scheme that stands for an alias; aliases have no dots, so it can be read back. */
export function schemeOf(alias: string): string {
  const scheme = alias.replaceAll('_', '.');
  return /^[0-9]/.test(scheme) ? BEFORE_DIGIT + scheme : scheme;
}

/** What a server's resource or template is called behind the shared endpoint. */
export function federatedUri(scheme: string, uri: string): string {
  return `${scheme}+${uri}`;
}

/** A federated URI taken apart, `null` when it is none. Schemes have no letter case. */
export function splitUri(uri: string): { readonly scheme: string; readonly rest: string } | null {
  const match = /^([A-Za-z][A-Za-z0-9.-]*)\+(.+)$/s.exec(uri);
  if (match === null) return null;
  const [, scheme = '', rest = ''] = match;
  return { scheme: scheme.toLowerCase(), rest };
}
