import { BlockList, isIP } from 'node:net';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Whether a host name or address never leaves the machine. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost') return true;
  const version = isIP(host);
  return version !== 0 && LOOPBACK.check(host, version === 4 ? 'ipv4' : 'ipv6');
}

/** Lower-case names under which a listener at this host may be addressed. */
export function hostNamesOf(host: string, serverNames: readonly string[]): ReadonlySet<string> {
  const names = new Set(serverNames.map((name) => name.toLowerCase()));
  if (host !== '0.0.0.0' && host !== '::') names.add(host.toLowerCase());
  if (isLoopback(host) || host === '0.0.0.0' || host === '::') {
    for (const name of ['localhost', '127.0.0.1', '::1']) names.add(name);
  }
  return names;
}
