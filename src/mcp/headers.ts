import { HeaderMismatch, RequestMetaMissing, RevisionUnsupported } from './errors.ts';
import type { NotificationFrame, RequestFrame, Frame } from './frame.ts';
import { metaEntryOf, paramOf } from './frame.ts';
import type { Revision } from './revisions.ts';
import { REVISION_NAMES, revisionByName, UNDECLARED_REVISION } from './revisions.ts';
import { META_PROTOCOL_VERSION } from './shapes.ts';

/** Lower-case header names and their single values. */
export type SingleHeaders = Readonly<Record<string, string | undefined>>;

/**
 * The revision an exchange is in, from its `MCP-Protocol-Version` header; without one the revision
 * that had no such header.
 *
 * @throws RevisionUnsupported for a name that Postern does not pass on.
 */
export function revisionOf(headers: SingleHeaders): Revision {
  const name = headers['mcp-protocol-version'];
  if (name === undefined) return UNDECLARED_REVISION;
  const revision = revisionByName(name);
  if (revision !== undefined) return revision;
  throw new RevisionUnsupported('protocol revision is not supported', {
    details: { supported: REVISION_NAMES, requested: name.slice(0, 64) },
  });
}

/**
 * Makes sure that headers and body name the same revision, method and target, as 2026-07-28 asks of
 * whoever reads both (Streamable HTTP, "Server Validation"). Headers alone are never trusted.
 *
 * @throws HeaderMismatch when one is missing, malformed or different.
 * @throws RequestMetaMissing when the body of a stateless request names no revision (basic/index).
 */
export function checkHeaders(headers: SingleHeaders, revision: Revision, frame: Frame): void {
  if (frame.kind === 'response') return;
  const declared = metaEntryOf(frame, META_PROTOCOL_VERSION);
  const header = headers['mcp-protocol-version'];
  if (declared !== undefined && declared !== header) {
    throw mismatch('MCP-Protocol-Version', 'differs from _meta in the body');
  }
  if (revision.era === 'stateful') return;
  if (frame.kind === 'request' && declared === undefined) {
    throw new RequestMetaMissing('"_meta" of the request names no protocol revision');
  }
  checkOne(headers, 'Mcp-Method', frame.method, frame.kind === 'request');
  const target = targetOf(frame);
  if (target !== undefined) checkOne(headers, 'Mcp-Name', target, frame.kind === 'request');
}

/**
 * The value that a header carries, with `=?base64?…?=` decoded ("Value Encoding").
 *
 * @throws HeaderMismatch when the encoding is malformed.
 */
export function decodeHeaderValue(name: string, value: string): string {
  const encoded = /^=\?base64\?(.*)\?=$/s.exec(value)?.[1];
  if (encoded === undefined) return value;
  const bytes = Buffer.from(encoded, 'base64');
  const text = bytes.toString('utf8');
  const exact = bytes.toString('base64') === encoded && Buffer.from(text).equals(bytes);
  if (!exact) throw mismatch(name, 'is not well-formed base64 of UTF-8');
  return text;
}

function checkOne(headers: SingleHeaders, name: string, expected: string, required: boolean): void {
  const value = headers[name.toLowerCase()];
  if (value === undefined) {
    if (required) throw mismatch(name, 'is missing');
    return;
  }
  if (decodeHeaderValue(name, value) !== expected) throw mismatch(name, 'differs from the body');
}

/** What `Mcp-Name` mirrors for this method, `undefined` when nothing. */
function targetOf(frame: RequestFrame | NotificationFrame): string | undefined {
  const key = nameKeyOf(frame.method);
  const value = key === undefined ? undefined : paramOf(frame, key);
  return typeof value === 'string' ? value : undefined;
}

function nameKeyOf(method: string): string | undefined {
  if (method === 'tools/call' || method === 'prompts/get') return 'name';
  if (method === 'resources/read') return 'uri';
  return method.startsWith('tasks/') ? 'taskId' : undefined;
}

function mismatch(header: string, what: string): Error {
  return new HeaderMismatch(`header ${header} ${what}`, { details: { header } });
}
