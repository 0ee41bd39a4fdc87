import { sha256Label } from '#lib';
import type { CallEntry, ClientRecord, McpRecord, TokenRecord } from './entry.ts';

/** A longer line has its long strings cut: a record line stays far below the 64 KiB of a bundle. */
const MAX_LINE_CHARS = 16 * 1024;
const MAX_TEXT_CHARS = 256;
const MAX_LIST_ITEMS = 32;

/**
 * The entry as one line of JSON, line feed included. Keys come in one fixed order whatever the
 * order of the object's. Names from outside may be as long as a message; in a line that grows too
 * long such strings keep their beginning and carry the SHA-256 of the whole.
 */
export function encodeEntry(entry: CallEntry): Buffer {
  const ordered = inOrder(entry);
  const line = JSON.stringify(ordered);
  if (line.length <= MAX_LINE_CHARS) return Buffer.from(`${line}\n`);
  return Buffer.from(`${JSON.stringify(ordered, (_key, value: unknown) => shorten(value))}\n`);
}

function inOrder(entry: CallEntry): CallEntry {
  const { decision, upstream, digests, bytes, outcome } = entry;
  return {
    v: entry.v,
    id: entry.id,
    time: entry.time,
    duration_ms: entry.duration_ms,
    listener: entry.listener,
    client: clientInOrder(entry.client),
    mcp: mcpInOrder(entry.mcp),
    decision: {
      effect: decision.effect,
      rules: decision.rules,
      policy: decision.policy,
      reason: decision.reason,
    },
    upstream:
      upstream === null
        ? null
        : {
            kind: upstream.kind,
            revision: upstream.revision,
            era: upstream.era,
            link: upstream.link,
          },
    digests: { request: digests.request, result: digests.result },
    bytes: { request: bytes.request, response: bytes.response },
    outcome: {
      status: outcome.status,
      ...(outcome.code === undefined ? {} : { code: outcome.code }),
      http_status: outcome.http_status,
    },
  };
}

function clientInOrder(client: ClientRecord): ClientRecord {
  return {
    principal: client.principal,
    spiffe_id: client.spiffe_id,
    certificate_sha256: client.certificate_sha256,
    ...(client.token === undefined ? {} : { token: tokenInOrder(client.token) }),
    source: client.source,
    link: client.link,
  };
}

function tokenInOrder(token: TokenRecord): TokenRecord {
  return {
    issuer: token.issuer,
    subject: token.subject,
    client_id: token.client_id,
    binding: token.binding,
    id: token.id,
    algorithm: token.algorithm,
    quantum_safe: token.quantum_safe,
  };
}

function mcpInOrder(mcp: McpRecord): McpRecord {
  return {
    server: mcp.server,
    revision: mcp.revision,
    era: mcp.era,
    ...(mcp.via === undefined ? {} : { via: mcp.via }),
    session: mcp.session,
    kind: mcp.kind,
    method: mcp.method,
    rpc_id: mcp.rpc_id,
    ...(mcp.tool === undefined ? {} : { tool: mcp.tool }),
    ...(mcp.resource === undefined ? {} : { resource: mcp.resource }),
    ...(mcp.prompt === undefined ? {} : { prompt: mcp.prompt }),
  };
}

function shorten(value: unknown): unknown {
  if (Array.isArray(value) && value.length > MAX_LIST_ITEMS) {
    return [...value.slice(0, MAX_LIST_ITEMS), `… ${value.length - MAX_LIST_ITEMS} more`];
  }
  if (typeof value !== 'string' || value.length <= MAX_TEXT_CHARS) return value;
  return `${value.slice(0, MAX_TEXT_CHARS).toWellFormed()}… ${sha256Label(value)}`;
}
