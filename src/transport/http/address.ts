import { isIP } from 'node:net';

/** Where to connect for a URL, and the name to ask for there. */
export interface Address {
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
  /** For the server name indication, which has no IP addresses (RFC 6066 §3); then `null`. */
  readonly name: string | null;
}

/** @param serverName to ask for instead of the URL's host. */
export function addressOf(url: URL, serverName: string | null = null): Address {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const usual = url.protocol === 'http:' ? 80 : 443;
  return {
    host,
    port: url.port === '' ? usual : Number(url.port),
    name: serverName ?? (isIP(host) === 0 ? host : null),
  };
}
