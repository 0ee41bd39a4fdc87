import type { JsonObject, RequestFrame, ResponseFrame } from '#mcp';
import { encodeHeaderValue, isObject } from '#mcp';

/** An argument that clients of Streamable HTTP repeat in a header. */
interface Mirrored {
  /** Lower case. */
  readonly header: string;
  /** Names of properties, from the arguments down to the value. */
  readonly path: readonly string[];
}

/** Tools of which one is remembered what their headers are; more than any server has. */
const MAX_TOOLS = 4096;

/** Headers of one tool, and how deep in its arguments they may stand. */
const MAX_HEADERS = 32;
const MAX_DEPTH = 8;

/** `1*tchar` (RFC 9110 §5.6.2). */
const TOKEN = /^[\w!#$%&'*+.^`|~-]{1,128}$/;

/**
 * The headers for arguments of tools (2026-07-28, Streamable HTTP, "Custom Headers from Tool
 * Parameters"), which a client on another transport leaves to whoever speaks HTTP for it.
 */
export class ParamHeaders {
  readonly #byTool = new Map<string, readonly Mirrored[]>();

  /** Takes note of the tools in an answer to `tools/list`. */
  learn({ outcome }: ResponseFrame): void {
    const tools = 'result' in outcome ? outcome.result['tools'] : undefined;
    if (!Array.isArray(tools)) return;
    for (const tool of tools.filter(isObject)) {
      const { name, inputSchema } = tool;
      if (typeof name !== 'string') continue;
      const mirrored = isObject(inputSchema) ? mirroredIn(inputSchema) : [];
      if (mirrored.length === 0) this.#byTool.delete(name);
      else if (this.#byTool.size < MAX_TOOLS) this.#byTool.set(name, mirrored);
    }
  }

  /** The headers for a message. */
  of({ method, params }: Pick<RequestFrame, 'method' | 'params'>): Record<string, string> {
    const { name, arguments: given } = params;
    if (method !== 'tools/call' || typeof name !== 'string' || !isObject(given)) return {};
    const headers: Record<string, string> = {};
    for (const { header, path } of this.#byTool.get(name) ?? []) {
      const value = textOf(valueAt(given, path));
      if (value !== null) headers[header] = encodeHeaderValue(value);
    }
    return headers;
  }
}

/** What a schema marks; whatever is not reached by `properties` alone does not count. */
function mirroredIn(schema: JsonObject): readonly Mirrored[] {
  const found = new Map<string, readonly string[]>();
  const visit = (at: JsonObject, path: readonly string[]): void => {
    const { properties } = at;
    if (!isObject(properties) || path.length === MAX_DEPTH) return;
    for (const [key, property] of Object.entries(properties)) {
      if (found.size === MAX_HEADERS) return;
      if (!isObject(property)) continue;
      const name = property['x-mcp-header'];
      const below = [...path, key];
      if (typeof name === 'string' && TOKEN.test(name)) {
        found.set(`mcp-param-${name.toLowerCase()}`, below);
      }
      visit(property, below);
    }
  };
  visit(schema, []);
  return [...found].map(([header, path]) => ({ header, path }));
}

function valueAt(given: JsonObject, path: readonly string[]): unknown {
  let value: unknown = given;
  for (const key of path) {
    if (!isObject(value) || !Object.hasOwn(value, key)) return undefined;
    value = value[key];
  }
  return value;
}

function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value;
  return typeof value === 'boolean' || Number.isSafeInteger(value) ? String(value) : null;
}
