import type { Upstream, UpstreamReply } from '#transport';
import type { Admitted } from './admit.ts';
import { ownerOf } from './authenticate.ts';
import type { Journal } from './journal.ts';

/** A server that needs longer to end a session is left to end it by itself. */
const END_TIMEOUT_MS = 10_000;

/** Fourth stage: the exchange with the server, over the upstream's own link. */
export function forward(
  permit: Admitted,
  upstream: Upstream,
  journal: Pick<Journal, 'sentOver' | 'spokenIn'>,
): Promise<UpstreamReply> {
  const { call } = permit;
  return upstream.exchange({
    httpMethod: call.httpMethod,
    frame: call.frame,
    revision: call.revision,
    sessionId: call.sessionId,
    lastEventId: call.lastEventId,
    mcpHeaders: call.mcpHeaders,
    principal: ownerOf(permit),
    connection: call.connection,
    signal: call.signal,
    onLink: (link) => journal.sentOver(link),
    onRevision: (revision) => journal.spokenIn(revision),
  });
}

/** Ends a session that its client is not to have. Never rejects: a server ends it in time itself. */
export async function endSession(
  permit: Admitted,
  upstream: Upstream,
  sessionId: string,
): Promise<void> {
  const { call } = permit;
  try {
    await upstream.exchange({
      httpMethod: 'DELETE',
      frame: null,
      revision: call.revision,
      sessionId,
      lastEventId: null,
      mcpHeaders: {},
      principal: ownerOf(permit),
      connection: call.connection,
      signal: AbortSignal.timeout(END_TIMEOUT_MS),
      onLink: () => undefined,
      onRevision: () => undefined,
    });
  } catch {
    // Nobody waits for it.
  }
}
