/** `initialize` of a client of the stateful era, answered from the `server/discover` of the server. */
import type { JsonObject, RequestFrame, Revision } from '#mcp';
import { isObject, metaOf, revisionByName, RPC } from '#mcp';
import { clientForStateless, serverForOther } from '../capabilities.ts';
import type { RpcError } from '../frames.ts';
import type { Introduction } from '../meta.ts';
import { META, STATEFUL } from '../meta.ts';

/** What `initialize` says of a client. */
export interface Opening {
  /** That the session will be in: the one asked for, or the newest of the era. */
  readonly revision: Revision;
  /** Capabilities as the client says them. */
  readonly capabilities: JsonObject;
  /** The client as servers of the stateless era are to see it. */
  readonly client: Introduction;
}

/** What a session keeps of its client, and sends to the server with each request, stays small. */
const MAX_BYTES = 64 * 1024;

/** Reads `initialize`; an error when it is malformed or beyond measure. */
export function openingOf({ params, bytes }: RequestFrame): Opening | RpcError {
  if (bytes.length > MAX_BYTES) {
    return { code: RPC.invalidParams, message: `initialize has more than ${MAX_BYTES} bytes` };
  }
  const { protocolVersion, capabilities, clientInfo } = params;
  if (typeof protocolVersion !== 'string' || !isObject(capabilities) || !isObject(clientInfo)) {
    const message = 'initialize needs protocolVersion, capabilities and clientInfo';
    return { code: RPC.invalidParams, message };
  }
  const asked = revisionByName(protocolVersion);
  const revision = asked?.era === 'stateful' ? asked : STATEFUL;
  // Until it says what it wants, a client of this era gets what the server cares to log.
  const client = { clientInfo, capabilities: clientForStateless(capabilities), logLevel: 'info' };
  return { revision, capabilities, client };
}

/** The result of `initialize` for this session. */
export function initializeResult(revision: Revision, discovered: JsonObject): JsonObject {
  const { capabilities, instructions } = discovered;
  const serverInfo = metaOf(discovered)[META.serverInfo];
  return {
    protocolVersion: revision.name,
    capabilities: isObject(capabilities) ? serverForOther(capabilities) : {},
    serverInfo: isObject(serverInfo) ? serverInfo : { name: 'unknown', version: 'unknown' },
    ...(typeof instructions === 'string' ? { instructions } : {}),
  };
}
