import { HeaderMismatch, RequestMetaMissing, RevisionUnsupported } from './errors.ts';
import type { Frame, JsonObject } from './frame.ts';
import { isObject, metaOf } from './frame.ts';
import type { Revision } from './revisions.ts';
import { REVISION_NAMES, revisionByName, UNDECLARED_REVISION } from './revisions.ts';

/** Key of `_meta` that carries the revision of a request (2026-07-28, basic/index). */
export const META_PROTOCOL_VERSION = 'io.modelcontextprotocol/protocolVersion';

/** Key of `_meta` with what the client of a request can do (2026-07-28, basic/index). */
const META_CLIENT_CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities';

/** What a value may consist of that stands in a header as it is ("Value Encoding"). */
const HEADER_TEXT = /^[\t\x20-\x7e]*$/;

/** Lower-case header names and their single values. */
export type SingleHeaders = Readonly<Record<string, string | undefined>>;

/**
 * The revision an exchange is in, from its `MCP-Protocol-Version` header; without one the revision
 * that had no such header.
 *
 * @param supported names of those that a client may choose from.
 * @throws RevisionUnsupported for a name that Postern does not pass on.
 */
export function revisionOf(
  headers: SingleHeaders,
  supported: readonly string[] = REVISION_NAMES,
): Revision {
  const name = headers['mcp-protocol-version'];
  if (name === undefined) return UNDECLARED_REVISION;
  const revision = revisionByName(name);
  if (revision !== undefined) return revision;
  throw new RevisionUnsupported('protocol revision is not supported', {
    details: { supported, requested: name.slice(0, 64) },
  });
}

/**
 * Makes sure that headers and body name the same revision, method and target, as 2026-07-28 asks of
 * whoever reads both (Streamable HTTP, "Server Validation"). Headers alone are never trusted.
 *
 * @throws HeaderMismatch when one is missing, malformed or different.
 * @throws RequestMetaMissing when the body of a stateless request lacks its revision or its client's
 *   capabilities (basic/index, "Per-request protocol fields").
 */
export function checkHeaders(headers: SingleHeaders, revision: Revision, frame: Frame): void {
  if (frame.kind === 'response') return;
  const meta = metaOf(frame.params);
  const declared = meta[META_PROTOCOL_VERSION];
  const header = headers['mcp-protocol-version'];
  if (declared !== undefined && declared !== header) {
    throw mismatch('MCP-Protocol-Version', 'differs from _meta in the body');
  }
  if (revision.era === 'stateful') return;
  const required = frame.kind === 'request';
  if (required) checkMeta(meta);
  // The encoding is for names and parameters alone: a method is compared as it stands.
  const method = headers['mcp-method'];
  if (method === undefined ? required : method !== frame.method) {
    throw mismatch('Mcp-Method', method === undefined ? 'is missing' : DIFFERS);
  }
  const target = mirroredName(frame.method, frame.params);
  if (target !== undefined) checkName(headers['mcp-name'], target, required);
}

/**
 * A value as its header carries it: as it is where that is safe, else as base64 of its UTF-8 ("Value
 * Encoding").
 */
export function encodeHeaderValue(value: string): string {
  const padded = /^[\t ]|[\t ]$/.test(value);
  if (HEADER_TEXT.test(value) && !padded && !ENCODED.test(value)) return value;
  return `=?base64?${Buffer.from(value).toString('base64')}?=`;
}

/**
 * The value that a header carries, with `=?base64?…?=` decoded ("Value Encoding").
 *
 * @throws HeaderMismatch when the encoding is malformed, or a character is none of a header.
 */
export function decodeHeaderValue(name: string, value: string): string {
  if (!HEADER_TEXT.test(value)) throw mismatch(name, 'has characters that no header may have');
  const encoded = ENCODED.exec(value)?.[1];
  if (encoded === undefined) return value;
  const bytes = Buffer.from(encoded, 'base64');
  const text = bytes.toString('utf8');
  const exact = bytes.toString('base64') === encoded && Buffer.from(text).equals(bytes);
  if (!exact) throw mismatch(name, 'is not well-formed base64 of UTF-8');
  return text;
}

/** What `Mcp-Name` mirrors for this method, `undefined` when nothing. */
export function mirroredName(
  method: string,
  params: Readonly<Record<string, unknown>>,
): string | undefined {
  const key = nameKeyOf(method);
  const value = key === undefined ? undefined : params[key];
  return typeof value === 'string' ? value : undefined;
}

const DIFFERS = 'differs from the body';
const ENCODED = /^=\?base64\?(.*)\?=$/s;

function checkMeta(meta: JsonObject): void {
  if (meta[META_PROTOCOL_VERSION] === undefined) {
    throw new RequestMetaMissing('"_meta" of the request names no protocol revision');
  }
  if (!isObject(meta[META_CLIENT_CAPABILITIES])) {
    throw new RequestMetaMissing('"_meta" of the request has no object clientCapabilities');
  }
}

function checkName(value: string | undefined, expected: string, required: boolean): void {
  if (value === undefined) {
    if (required) throw mismatch('Mcp-Name', 'is missing');
  } else if (decodeHeaderValue('Mcp-Name', value) !== expected) {
    throw mismatch('Mcp-Name', DIFFERS);
  }
}

function nameKeyOf(method: string): string | undefined {
  if (method === 'tools/call' || method === 'prompts/get') return 'name';
  if (method === 'resources/read') return 'uri';
  return method.startsWith('tasks/') ? 'taskId' : undefined;
}

/** The failure of one header. */
export function mismatch(header: string, what: string): Error {
  return new HeaderMismatch(`header ${header} ${what}`, { details: { header } });
}
