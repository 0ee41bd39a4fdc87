import type { RequestFrame } from '#mcp';

const TARGETS: Readonly<Record<string, 'name' | 'uri'>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
};

/**
 * The `Mcp-*` headers that go with a request which is not the client's own any more (2026-07-28,
 * Streamable HTTP, "Standard Request Headers"). Those that mirror arguments stay as they are, as
 * arguments do, unless the request is another one.
 *
 * @param given the client's, lower-case names.
 */
export function mirrorHeaders(
  frame: RequestFrame,
  given: Readonly<Record<string, string>>,
): Record<string, string> {
  const headers: Record<string, string> = { 'mcp-method': frame.method };
  for (const [name, value] of Object.entries(given)) {
    if (name === 'mcp-method' || name === 'mcp-name') continue;
    if (given['mcp-method'] === frame.method || !name.startsWith('mcp-param-')) {
      headers[name] = value;
    }
  }
  const key = TARGETS[frame.method];
  const target = key === undefined ? undefined : frame.params[key];
  if (typeof target === 'string') headers['mcp-name'] = encodeHeaderValue(target);
  return headers;
}

/** What a header cannot carry as it is goes as base64 ("Value Encoding"). */
function encodeHeaderValue(value: string): string {
  const plain = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value);
  if (plain && !/^=\?base64\?.*\?=$/.test(value)) return value;
  return `=?base64?${Buffer.from(value).toString('base64')}?=`;
}
