import { isLoopback } from '#config';

/** Lower-case names under which a listener at this host may be addressed. */
export function hostNamesOf(host: string, serverNames: readonly string[]): ReadonlySet<string> {
  const names = new Set(serverNames.map((name) => name.toLowerCase()));
  if (host !== '0.0.0.0' && host !== '::') names.add(host.toLowerCase());
  if (isLoopback(host) || host === '0.0.0.0' || host === '::') {
    for (const name of ['localhost', '127.0.0.1', '::1']) names.add(name);
  }
  return names;
}
