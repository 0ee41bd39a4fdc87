/** The headers of 2026-07-28 that say again what the body says, for messages that Postern writes. */
import type { Frame } from './frame.ts';
import { encodeHeaderValue, mirroredName } from './headers.ts';
import type { ParamHeader } from './param-headers.ts';
import { textsOfParams } from './param-headers.ts';
import type { Revision } from './revisions.ts';

/**
 * The headers that go with a message in this revision, lower-case names: `mcp-protocol-version`,
 * `mcp-method`, `mcp-name` and `mcp-param-*` (2026-07-28, Streamable HTTP, "Request Metadata"). Empty
 * in the stateful revisions, which mirror nothing. Whoever writes a message anew sends these instead
 * of those that came with the old one.
 *
 * @param annotations of the tool that a `tools/call` names.
 */
export function headersFor(
  frame: Frame,
  revision: Revision,
  annotations: readonly ParamHeader[] = [],
): Record<string, string> {
  if (revision.era === 'stateful' || frame.kind === 'response') return {};
  const { method } = frame;
  const headers: Record<string, string> = {
    'mcp-protocol-version': revision.name,
    'mcp-method': encodeHeaderValue(method),
  };
  const name = mirroredName(frame);
  if (name !== undefined) headers['mcp-name'] = encodeHeaderValue(name);
  if (method !== 'tools/call') return headers;
  for (const [header, text] of textsOfParams(frame, annotations)) {
    headers[header] = encodeHeaderValue(text);
  }
  return headers;
}
