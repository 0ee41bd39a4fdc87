import type { Upstream, UpstreamReply } from '#transport';
import type { Admitted } from './admit.ts';
import { ownerOf } from './authenticate.ts';
import type { Journal } from './journal.ts';

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
    principal: ownerOf(permit.principal, call),
    connection: call.connection,
    signal: call.signal,
    onLink: (link) => journal.sentOver(link),
    onRevision: (revision) => journal.spokenIn(revision),
  });
}
