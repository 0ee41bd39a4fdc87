/** What a request of the stateless era says of its client in `params._meta` (2026-07-28, basic, "_meta"). */
import type { JsonObject, Revision } from '#mcp';
import { isLogLevel, isObject, metaOf, revisionByName } from '#mcp';

/** The revision in which servers of the stateless era are spoken to. */
export const STATELESS = known('2026-07-28');

/** The newest revision in which servers of the stateful era are spoken to. */
export const STATEFUL = known('2025-11-25');

export const META = {
  protocolVersion: 'io.modelcontextprotocol/protocolVersion',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  clientCapabilities: 'io.modelcontextprotocol/clientCapabilities',
  logLevel: 'io.modelcontextprotocol/logLevel',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
  subscriptionId: 'io.modelcontextprotocol/subscriptionId',
} as const;

const CLIENT_KEYS: ReadonlySet<string> = new Set([
  META.protocolVersion,
  META.clientInfo,
  META.clientCapabilities,
  META.logLevel,
]);

/** A client, as it introduces itself. */
export interface Introduction {
  readonly clientInfo: JsonObject;
  readonly capabilities: JsonObject;
  /** Least severity of the log messages that it wants, `null` for none. */
  readonly logLevel: string | null;
}

/** `params` of a stateless request of this client; what else `_meta` says stays. */
export function introduced(params: JsonObject, client: Introduction): JsonObject {
  const meta: Record<string, unknown> = {
    ...metaOf(withoutKeys(params)),
    [META.protocolVersion]: STATELESS.name,
    [META.clientInfo]: client.clientInfo,
    [META.clientCapabilities]: client.capabilities,
  };
  if (client.logLevel !== null) meta[META.logLevel] = client.logLevel;
  return { ...params, _meta: meta };
}

/** How the client of a stateless request introduces itself; `null` when it does so wrongly. */
export function introductionOf(params: JsonObject, self: JsonObject): Introduction | null {
  const meta = metaOf(params);
  const {
    [META.clientInfo]: clientInfo = self,
    [META.clientCapabilities]: capabilities,
    [META.logLevel]: logLevel = null,
  } = meta;
  if (!isObject(clientInfo) || !isObject(capabilities)) return null;
  if (logLevel !== null && !isLogLevel(logLevel)) return null;
  return { clientInfo, capabilities, logLevel };
}

/** `params` without what only the stateless era says in `_meta`. */
export function withoutKeys(params: JsonObject): JsonObject {
  return withMeta(params, (key) => !CLIENT_KEYS.has(key));
}

/** An object whose `_meta` keeps the keys that pass; without `_meta` when none does. */
export function withMeta(object: JsonObject, passes: (key: string) => boolean): JsonObject {
  if (!isObject(object['_meta'])) return object;
  const kept = Object.entries(object['_meta']).filter(([key]) => passes(key));
  const { _meta: _, ...rest } = object;
  return kept.length === 0 ? rest : { ...rest, _meta: Object.fromEntries(kept) };
}

/** An object with one more key in its `_meta`. */
export function addMeta(object: JsonObject, key: string, value: unknown): JsonObject {
  return { ...object, _meta: { ...metaOf(object), [key]: value } };
}

function known(name: string): Revision {
  const revision = revisionByName(name);
  if (revision === undefined) throw new Error(`the registry lacks revision ${name}`);
  return revision;
}
