import type { LinkSecurity } from '#crypto';
import type { ParamHeader, RequestFrame } from '#mcp';
import { headersFor } from '#mcp';
import type { ClientConnection, UpstreamRequest } from '#transport';
import { STATELESS } from '../meta.ts';

/** For whom, and for how long, a server is asked. */
export interface Asking {
  readonly principal: string;
  readonly signal: AbortSignal;
  readonly onLink?: (link: LinkSecurity) => void;
  /** Parameters of the tool in the request that headers mirror. */
  readonly annotations?: readonly ParamHeader[];
}

/** The exchange that asks a server of the stateless era. */
export function toServer(frame: RequestFrame, asking: Asking): UpstreamRequest {
  return {
    httpMethod: 'POST',
    frame,
    revision: STATELESS,
    sessionId: null,
    lastEventId: null,
    mcpHeaders: headersFor(frame, STATELESS, asking.annotations),
    principal: asking.principal,
    subjectToken: null,
    clientLink: null,
    connection: NO_CONNECTION,
    signal: asking.signal,
    onLink: asking.onLink ?? (() => undefined),
    onRevision: () => undefined,
  };
}

/** The era has no sessions that a connection could keep alive. */
const NO_CONNECTION: ClientConnection = { onceClosed: () => undefined };
