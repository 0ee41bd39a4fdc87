import type { RequestFrame, Revision } from '#mcp';
import { headersFor } from '#mcp';

/**
 * The `Mcp-*` headers that go with a request which is not the client's own any more (2026-07-28,
 * Streamable HTTP, "Request Metadata"). Those that mirror arguments stay as they are, as arguments do,
 * unless the request is another one.
 *
 * @param given the client's, lower-case names.
 */
export function mirrorHeaders(
  frame: RequestFrame,
  given: Readonly<Record<string, string>>,
  revision: Revision,
): Record<string, string> {
  const kept = Object.entries(given).filter(
    ([name]) => given['mcp-method'] === frame.method || !name.startsWith('mcp-param-'),
  );
  const { 'mcp-name': _name, ...rest } = Object.fromEntries(kept);
  return { ...rest, ...headersFor(frame, revision) };
}
