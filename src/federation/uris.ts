/**
 * URIs of resources behind the shared endpoint: `<scheme>+<URI of the server's own>`, where the scheme
 * says the server (`schemeOf` of its alias). Templates keep their braces.
 */

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
