/** What servers of the stateful era answer to clients of 2026-07-28, which keep no sessions. */
import type { RequestFrame, ResponseFrame, RpcId } from '#mcp';
import { errorFrame, RPC } from '#mcp';
import { ResponseUnexpected } from '../errors.ts';
import type { JsonReply, UpstreamReply, UpstreamRequest } from '../upstream.ts';

/** Either the reply that takes no server, or the request that does. */
type Sorted = { readonly reply: UpstreamReply } | { readonly request: RequestFrame };

/**
 * Sorts out the exchanges of the stateless era for which no server has to be asked.
 *
 * @throws ResponseUnexpected
 */
export function sortSessionless({ httpMethod, frame }: UpstreamRequest): Sorted {
  if (httpMethod !== 'POST' || frame === null) return { reply: empty(405) };
  if (frame.kind === 'response') {
    throw new ResponseUnexpected('servers of this revision send no requests');
  }
  // The revision defines none over HTTP, and nobody could be named that it is meant for.
  if (frame.kind === 'notification') return { reply: empty(202) };
  if (frame.method === 'initialize') return { reply: noInitialize(frame) };
  return { request: frame };
}

/**
 * The answer to a stateless call for a server of the stateful era; the status of 400 makes a client
 * of both eras go on with `initialize`.
 */
export function useInitialize(
  id: RpcId,
  detail: string,
): JsonReply & { readonly frame: ResponseFrame } {
  const message = `this server speaks the stateful revisions; use initialize (${detail})`;
  const frame = errorFrame(id, { code: RPC.methodNotFound, message });
  return { kind: 'json', status: 400, frame, sessionId: null };
}

function noInitialize(frame: RequestFrame): JsonReply {
  const message = 'this revision has no initialize; send no MCP-Protocol-Version header with it';
  const answer = errorFrame(frame.id, { code: RPC.methodNotFound, message });
  return { kind: 'json', status: 404, frame: answer, sessionId: null };
}

function empty(status: number): UpstreamReply {
  return { kind: 'empty', status, sessionId: null };
}
