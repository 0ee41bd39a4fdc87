/** The headers of 2026-07-28 that say again what the body says (Streamable HTTP, "Request Metadata"). */
import type { Frame, JsonObject, Revision } from '#mcp';
import { isObject } from '#mcp';

/** One parameter of a tool that an `Mcp-Param-*` header mirrors. */
export interface ParamHeader {
  /** Name of the header, lower case. */
  readonly header: string;
  /** Keys that lead from `params.arguments` to the value. */
  readonly path: readonly string[];
}

const ANNOTATION = 'x-mcp-header';
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}$/;
const SAFE = /^[\x20-\x7e\t]*$/;
const NAME_KEYS: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
};

/** Real tools have a handful. */
const MAX_HEADERS = 64;

/** The headers that go with a message in this revision, lower-case names. */
export function headersFor(
  frame: Frame,
  revision: Revision,
  annotations: readonly ParamHeader[] = [],
): Record<string, string> {
  if (revision.era === 'stateful' || frame.kind === 'response') return {};
  const { method, params } = frame;
  const headers: Record<string, string> = {
    'mcp-protocol-version': revision.name,
    'mcp-method': encoded(method),
  };
  const name = params[NAME_KEYS[method] ?? ''];
  if (typeof name === 'string') headers['mcp-name'] = encoded(name);
  if (method !== 'tools/call') return headers;
  for (const { header, path } of annotations) {
    const value = valueAt(params['arguments'], path);
    if (value !== undefined) headers[header] = encoded(String(value));
  }
  return headers;
}

/** The parameters that a tool's `inputSchema` wants mirrored. */
export function paramHeadersOf(inputSchema: unknown): readonly ParamHeader[] {
  const found: ParamHeader[] = [];
  collect(inputSchema, [], found);
  return found;
}

function collect(schema: unknown, path: readonly string[], found: ParamHeader[]): void {
  if (!isObject(schema) || found.length >= MAX_HEADERS) return;
  const name = schema[ANNOTATION];
  if (path.length > 0 && typeof name === 'string' && TOKEN.test(name)) {
    found.push({ header: `mcp-param-${name.toLowerCase()}`, path });
  }
  const properties: JsonObject = isObject(schema['properties']) ? schema['properties'] : {};
  for (const [key, property] of Object.entries(properties)) {
    collect(property, [...path, key], found);
  }
}

function valueAt(args: unknown, path: readonly string[]): string | number | boolean | undefined {
  let value = args;
  for (const key of path) {
    if (!isObject(value) || !Object.hasOwn(value, key)) return undefined;
    value = value[key];
  }
  const carried = ['string', 'number', 'boolean'].includes(typeof value);
  return carried ? (value as string | number | boolean) : undefined;
}

/** A value as its header carries it ("Value Encoding"). */
function encoded(value: string): string {
  const padded = /^[\t ]|[\t ]$/.test(value);
  if (SAFE.test(value) && !padded && !/^=\?base64\?.*\?=$/s.test(value)) return value;
  return `=?base64?${Buffer.from(value).toString('base64')}?=`;
}
