import { isIP } from 'node:net';
import { GatewayNameInvalid } from './errors.ts';

/** Names by which every gateway can be reached from its own machine. */
const LOCAL_NAMES = ['localhost', '127.0.0.1', '::1'];

const DNS_NAME =
  /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;
const MAX_DNS_NAME = 253;

/**
 * The names of the gateway's certificate: the local ones, then the wanted ones in lower case, each
 * once. IPv6 addresses may stand in brackets.
 *
 * @throws GatewayNameInvalid for what is neither a DNS name nor an IP address.
 */
export function gatewayNames(wanted: readonly string[]): readonly string[] {
  return [...new Set([...LOCAL_NAMES, ...wanted.map(parseName)])];
}

function parseName(given: string): string {
  const name = given.toLowerCase().replace(/^\[(.*)\]$/, '$1');
  // A zone such as %eth0 has meaning on one machine only and no place in a certificate.
  if (isIP(name) !== 0 && !name.includes('%')) return name;
  // An all-digit last label is a mistyped IPv4 address (RFC 1123 §2.1).
  if (name.length <= MAX_DNS_NAME && DNS_NAME.test(name) && !/(^|\.)\d+$/.test(name)) return name;
  throw new GatewayNameInvalid('not a DNS name or IP address', {
    details: { name: given.slice(0, MAX_DNS_NAME) },
  });
}
