/** Where a server over HTTP answers, for how long it is waited for, and how it is looked at. */
import { z } from 'zod';

const HOUR_MS = 60 * 60_000;

/** Bounds of a server's own. */
export const timeouts = z
  .strictObject({
    connect_ms: z.int().min(100).max(300_000).optional().describe('TCP and TLS to an endpoint.'),
    idle_ms: z
      .int()
      .min(1000)
      .max(24 * HOUR_MS)
      .optional()
      .describe('A call about which the server says nothing for so long has failed.'),
    call_ms: z
      .int()
      .min(1000)
      .max(7 * 24 * HOUR_MS)
      .optional()
      .describe('A call ends after this whatever progress the server reports.'),
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
      .regex(/^\/[\x21-\x22\x24-\x7e]*$/, { error: 'expected a path that starts with "/"' })
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
  return urls.flatMap(({ href, protocol }, index): Issue[] => {
    const path = ['urls', index];
    const twice = urls.slice(0, index).some((other) => other.href === href);
    if (twice) return [{ path, message: 'this endpoint is there already' }];
    if (protocol === first?.protocol) return [];
    return [{ path, message: 'all are https://, or all are http://' }];
  });
}
