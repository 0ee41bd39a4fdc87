/** Results and errors of one era as the other has them. */
import type { JsonObject } from '#mcp';
import { isObject, RPC } from '#mcp';
import type { RpcError } from './frames.ts';
import { addMeta, META, withMeta } from './meta.ts';

/** Results that carry how long they may be kept (2026-07-28, Caching). */
const CACHEABLE: ReadonlySet<string> = new Set([
  'server/discover',
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'resources/read',
]);

const MISSING_CAPABILITY = -32021;

/** Errors of the stateless era that no client of the stateful one knows. */
const STATELESS_ERRORS: ReadonlySet<number> = new Set([
  RPC.headerMismatch,
  MISSING_CAPABILITY,
  RPC.unsupportedVersion,
]);

/** Whether an error is one that only servers of the stateless era send. */
export function isStatelessError(code: number): boolean {
  return STATELESS_ERRORS.has(code);
}

/** A server's result for a client of the stateless era. */
export function resultForStateless(
  method: string,
  result: JsonObject,
  serverInfo: unknown,
): JsonObject {
  const complete = { ...result, resultType: 'complete' };
  const named = isObject(serverInfo) ? addMeta(complete, META.serverInfo, serverInfo) : complete;
  if (!CACHEABLE.has(method)) return named;
  // What a session of one principal has shown may be another one's tomorrow.
  const fresh = { ...named, ttlMs: 0, cacheScope: 'private' };
  return method === 'tools/list' ? mapTools(fresh, withoutExecution) : fresh;
}

/** A server's result for a client of the stateful era. */
export function resultForStateful(method: string, result: JsonObject): JsonObject {
  const { resultType: _type, ttlMs: _ttl, cacheScope: _scope, ...rest } = result;
  const plain = withMeta(rest, (key) => key !== META.serverInfo);
  if (method === 'tools/list') return mapTools(plain, withObjectOutput);
  if (method !== 'tools/call' || isObject(plain['structuredContent'])) return plain;
  // Before 2026-07-28 structured content is an object or nothing.
  const { structuredContent: _content, ...unstructured } = plain;
  return unstructured;
}

/** A server's error for a client of the stateless era. */
export function errorForStateless(error: RpcError): RpcError {
  return error.code === RPC.resourceNotFound ? { ...error, code: RPC.invalidParams } : error;
}

/** HTTP status of an answer to a client of the stateless era (2026-07-28, Streamable HTTP). */
export function statusForStateless(error: RpcError | null): number {
  return error?.code === RPC.methodNotFound ? 404 : 200;
}

/** A server's error for a client of the stateful era. */
export function errorForStateful(method: string, error: RpcError): RpcError {
  if (isStatelessError(error.code)) return { ...error, code: RPC.invalidRequest };
  const { data } = error;
  const notFound =
    method === 'resources/read' &&
    error.code === RPC.invalidParams &&
    isObject(data) &&
    typeof data['uri'] === 'string';
  return notFound ? { ...error, code: RPC.resourceNotFound } : error;
}

function mapTools(result: JsonObject, map: (tool: JsonObject) => JsonObject): JsonObject {
  const { tools } = result;
  if (!Array.isArray(tools)) return result;
  return { ...result, tools: tools.map((tool: unknown) => (isObject(tool) ? map(tool) : tool)) };
}

/** How a tool runs as a task, which is not bridged. */
function withoutExecution(tool: JsonObject): JsonObject {
  const { execution: _, ...rest } = tool;
  return rest;
}

/** Before 2026-07-28 the schema of an output is that of an object, and clients insist on it. */
function withObjectOutput(tool: JsonObject): JsonObject {
  const { outputSchema, ...rest } = tool;
  const fits =
    outputSchema === undefined || (isObject(outputSchema) && outputSchema['type'] === 'object');
  return fits ? tool : rest;
}
