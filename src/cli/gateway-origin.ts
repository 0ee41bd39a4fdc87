import { UsageError } from './errors.ts';

/**
 * Origin of a gateway that was given as a URL, `https://host:port`.
 *
 * @throws UsageError for another scheme, and for more than an origin.
 */
export function gatewayOrigin(given: string): string {
  const url = URL.parse(given);
  if (url?.protocol !== 'https:') throw new UsageError(`"${given}" is no https:// URL`);
  if (url.href !== `${url.origin}/`) {
    throw new UsageError(`"${given}" is more than https://host:port`);
  }
  return url.origin;
}
