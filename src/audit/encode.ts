import { sha256Label } from '#lib';
import type { CallEntry, LinkRecord, TokenRecord } from './entry.ts';

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
  const line = lineOf(entry, JSON.stringify, linkText);
  if (line.length <= MAX_LINE_CHARS) return Buffer.from(line);
  return Buffer.from(lineOf(entry, shortenedJson, shortenedJson));
}

type Encode<T> = (value: T) => string;

/** Absent values are `undefined` here, which JSON leaves out. */
function lineOf(entry: CallEntry, json: Encode<object>, link: Encode<LinkRecord>): string {
  const { v, id, time, duration_ms, listener, client, mcp, upstream } = entry;
  const { decision, digests, bytes, outcome } = entry;
  const call = json({ v, id, time, duration_ms, listener });
  const caller = json({
    principal: client.principal,
    spiffe_id: client.spiffe_id,
    certificate_sha256: client.certificate_sha256,
    token: client.token === undefined ? undefined : tokenInOrder(client.token),
    source: client.source,
  });
  const called = json({
    server: mcp.server,
    revision: mcp.revision,
    era: mcp.era,
    via: mcp.via,
    session: mcp.session,
    kind: mcp.kind,
    method: mcp.method,
    rpc_id: mcp.rpc_id,
    tool: mcp.tool,
    resource: mcp.resource,
    prompt: mcp.prompt,
  });
  const came = json({
    decision: {
      effect: decision.effect,
      rules: decision.rules,
      policy: decision.policy,
      reason: decision.reason,
    },
  });
  let server = 'null';
  if (upstream !== null) {
    const { kind, revision, era } = upstream;
    const hop = upstream.link === null ? 'null' : link(upstream.link);
    server = withMember(json({ kind, revision, era }), 'link', hop);
  }
  const went = json({
    digests: { request: digests.request, result: digests.result },
    bytes: { request: bytes.request, response: bytes.response },
    outcome: { status: outcome.status, code: outcome.code, http_status: outcome.http_status },
  });
  let line = withMember(call, 'client', withMember(caller, 'link', link(client.link)));
  line = withMember(line, 'mcp', called);
  line = withMember(joined(line, came), 'upstream', server);
  return `${joined(line, went)}\n`;
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

/** The text of an object with one more member. */
function withMember(object: string, key: string, value: string): string {
  return `${object.slice(0, -1)},"${key}":${value}}`;
}

/** The text of one object with the members of both, neither of which is empty. */
function joined(one: string, other: string): string {
  return `${one.slice(0, -1)},${other.slice(1)}`;
}

const linkTexts = new WeakMap<LinkRecord, string>();

/** A link is the same object in all of its calls, and the longest part of their entries. */
function linkText(link: LinkRecord): string {
  let text = linkTexts.get(link);
  if (text === undefined) {
    text = JSON.stringify(link);
    linkTexts.set(link, text);
  }
  return text;
}

function shortenedJson(value: object): string {
  return JSON.stringify(value, (_key, each: unknown) => shorten(each));
}

function shorten(value: unknown): unknown {
  if (Array.isArray(value) && value.length > MAX_LIST_ITEMS) {
    return [...value.slice(0, MAX_LIST_ITEMS), `… ${value.length - MAX_LIST_ITEMS} more`];
  }
  if (typeof value !== 'string' || value.length <= MAX_TEXT_CHARS) return value;
  return `${value.slice(0, MAX_TEXT_CHARS).toWellFormed()}… ${sha256Label(value)}`;
}
