import type { Upstream, UpstreamReply } from '#transport';
import type { Admitted } from './admit.ts';

/** Fourth stage: the exchange with the server, over the upstream's own link. */
export function forward(permit: Admitted, upstream: Upstream): Promise<UpstreamReply> {
  const { call, principal } = permit;
  return upstream.exchange({
    httpMethod: call.httpMethod,
    frame: call.frame,
    revision: call.revision,
    sessionId: call.sessionId,
    lastEventId: call.lastEventId,
    mcpHeaders: call.mcpHeaders,
    principal: principal.name,
    connection: call.connection,
    signal: call.signal,
  });
}
