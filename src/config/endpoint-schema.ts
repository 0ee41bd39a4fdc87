/** Where a server over HTTP answers, for how long it is waited for, and how it is looked at. */
import { LIMITS } from '#lib';
import { z } from 'zod';

const HOUR_MS = 60 * 60_000;

type TimeLimit = 'upstreamConnectTimeoutMs' | 'upstreamIdleTimeoutMs' | 'callMaxMs';

/** As under `limits`, with the same bounds. */
function time(name: TimeLimit) {
  const { min, max, reason } = LIMITS[name];
  return z.int().min(min).max(max).optional().describe(reason);
}

/** Bounds of a server's own. */
export const timeouts = z
  .strictObject({
    connect_ms: time('upstreamConnectTimeoutMs'),
    idle_ms: time('upstreamIdleTimeoutMs'),
    call_ms: time('callMaxMs'),
  })
  .optional()
  .describe('Milliseconds, for this server instead of those under `limits`.');

/** How the endpoints of a server are looked at. */
export const health = z
  .strictObject({
    interval_ms: z
      .int()
      .min(1000)
      .max(HOUR_MS)
      .default(10_000)
      .describe('Milliseconds from one look at an endpoint to the next.'),
    path: z
      .string()
      .regex(/^\/[\x21\x22\x24-\x3e\x40-\x7e]*$/, {
        error: 'expected a path that starts with "/", without a query',
      })
      .optional()
      .describe(
        'Path that a GET without credentials answers with 200 to 399. Default: a connection is enough.',
      ),
  })
  .optional()
  .describe('Look at each endpoint regularly. Default: calls find out whether it is there.');

interface Issue {
  readonly path: (string | number)[];
  readonly message: string;
  readonly params?: Record<string, unknown>;
}

/** What is wrong with the endpoints of a server, given as one or as several. */
export function endpointIssues(url: URL | undefined, urls: readonly URL[] = []): readonly Issue[] {
  const allowed = { at: 'key', allowed: ['url', 'urls'] };
  if (url !== undefined) {
    if (urls.length === 0) return [];
    return [{ path: [], message: 'has both "url" and "urls"', params: allowed }];
  }
  if (urls.length === 0) return [{ path: [], message: 'has no "url"', params: allowed }];
  const [first] = urls;
  return urls.flatMap(({ host, pathname, protocol }, index): Issue[] => {
    const path = ['urls', index];
    // By host and path they are told apart in logs and metrics, where queries are not shown.
    const twice = urls
      .slice(0, index)
      .some((other) => other.host === host && other.pathname === pathname);
    if (twice) return [{ path, message: 'this endpoint is there already' }];
    if (protocol === first?.protocol) return [];
    return [{ path, message: 'all are https://, or all are http://' }];
  });
}
