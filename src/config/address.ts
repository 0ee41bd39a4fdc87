import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';
import { Refusal } from './refusal.ts';

/** Where a socket listens. */
export interface Address {
  /** IP address without brackets, or a host name. */
  readonly host: string;
  /** 0 means any free port. */
  readonly port: number;
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

/** Reads `host:port`, where an IPv6 host stands in brackets. */
export function parseAddress(text: string): Address | Refusal {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text);
  if (match === null) return new Refusal('expected host:port', repaired(text));
  const [, bracketed, plain = '', digits] = match;
  const port = Number(digits);
  if (port > 65_535) return new Refusal('the port must be at most 65535');
  if (bracketed !== undefined) {
    if (isIPv6(bracketed)) return { host: bracketed, port };
    return new Refusal('expected an IPv6 address between the brackets');
  }
  if (plain === '' || plain === '*') {
    return new Refusal('the host is missing', `${plain === '' ? '127.0.0.1' : '0.0.0.0'}:${port}`);
  }
  const host = parseHost(plain);
  return typeof host === 'string' ? { host, port } : host;
}

/** The address as text that {@link parseAddress} reads. */
export function formatAddress({ host, port }: Address): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Reads an IP address or DNS name (RFC 1123 §2.1); the name comes back in lower case. */
export function parseHost(text: string): string | Refusal {
  if (isIP(text) !== 0) return text.toLowerCase();
  const name = text.toLowerCase();
  if (name.includes('*')) return new Refusal('wildcards are not allowed');
  const labels = name.split('.');
  const wellFormed = labels.every((label) => /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(label));
  // A last label of digits only would be read as part of an IPv4 address by some and not by others.
  if (!wellFormed || name.length > 253 || /^\d+$/.test(labels.at(-1) ?? '')) {
    return new Refusal('expected a DNS name or an IP address');
  }
  return name;
}

/** Whether only this machine reaches the host: 127.0.0.0/8, ::1, `localhost`. */
export function isLoopback(host: string): boolean {
  if (host.toLowerCase() === 'localhost') return true;
  if (isIPv4(host)) return loopback.check(host, 'ipv4');
  return isIPv6(host) && loopback.check(host, 'ipv6');
}

/** Whether two listeners could not both be opened. Port 0 never collides. */
export function collide(a: Address, b: Address): boolean {
  if (a.port === 0 || a.port !== b.port) return false;
  const [one, other] = [canonical(a.host), canonical(b.host)];
  return one === other || WILDCARDS.has(one) || WILDCARDS.has(other);
}

function canonical(host: string): string {
  return host === 'localhost' ? '127.0.0.1' : host;
}

/** What was probably meant by an address without a host, a port or brackets. */
function repaired(text: string): string | undefined {
  if (/^\d{1,5}$/.test(text)) return `127.0.0.1:${text}`;
  const lastColon = text.lastIndexOf(':');
  const host = text.slice(0, lastColon);
  if (isIPv6(host) && /^\d{1,5}$/.test(text.slice(lastColon + 1))) {
    return `[${host}]:${text.slice(lastColon + 1)}`;
  }
  return undefined;
}
