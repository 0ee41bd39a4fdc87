/** The oldest revision that a listener takes. */
import { RevisionTooOld, RevisionUnsupported } from './errors.ts';
import type { Frame, ResponseFrame } from './frame.ts';
import type { SingleHeaders } from './headers.ts';
import { mismatch } from './headers.ts';
import type { Revision } from './revisions.ts';
import { revisionsFrom } from './revisions.ts';

/**
 * Makes sure that a request is in no older revision. Where a client asks for one in `initialize`, no
 * newer one is put in its place: it names the newest that it has (2025-11-25, Lifecycle).
 *
 * @param frame `null` for a request without a message.
 * @throws RevisionUnsupported for the revision of the request, declared or not; HeaderMismatch where it
 *   has to be declared.
 * @throws RevisionTooOld for the one that `initialize` asks for.
 */
export function checkMinimum(
  headers: SingleHeaders,
  revision: Revision,
  frame: Frame | null,
  min: Revision,
): void {
  if (revision.era === 'stateful' && frame?.kind === 'request' && frame.method === 'initialize') {
    const asked = frame.params['protocolVersion'];
    if (min.era === 'stateless' || isOlder(asked, min)) throw tooOld(asked, min);
    // What its client asks for is in the body; the header comes with what follows.
    if (headers['mcp-protocol-version'] === undefined) return;
  }
  // Where there is no other era, a missing header is what is wrong ("Server Validation").
  if (min.era === 'stateless' && headers['mcp-protocol-version'] === undefined) {
    throw mismatch('MCP-Protocol-Version', 'is missing');
  }
  if (isOlder(revision.name, min)) {
    throw new RevisionUnsupported(`this listener takes revisions from ${min.name} on`, {
      details: { supported: revisionsFrom(min), requested: revision.name },
    });
  }
}

/**
 * Makes sure that the answer to `initialize` agrees on no older revision.
 *
 * @throws RevisionTooOld
 */
export function checkNegotiated({ outcome }: ResponseFrame, min: Revision): void {
  if ('error' in outcome) return;
  const chosen = outcome.result['protocolVersion'];
  if (isOlder(chosen, min)) throw tooOld(chosen, min);
}

/** Names of revisions are dates. Whatever is none is left to the other side. */
function isOlder(name: unknown, min: Revision): boolean {
  return typeof name === 'string' && /^\d{4}-\d\d-\d\d$/.test(name) && name < min.name;
}

function tooOld(name: unknown, min: Revision): Error {
  return new RevisionTooOld('Unsupported protocol version', {
    details: {
      supported: revisionsFrom(min),
      requested: typeof name === 'string' ? name.slice(0, 64) : '',
    },
  });
}
