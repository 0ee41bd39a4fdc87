import type { ErrorOptions, PosternError } from '#lib';
import { RPC } from './errors.ts';
import type { RpcId } from './frame.ts';
import type { Revision } from './revisions.ts';

/** Characters of a URI that are said again to whoever has sent it. */
const MAX_TOLD = 1024;

/**
 * How a failure says, in a revision, that its caller has no such resource (2025-11-25 and 2026-07-28,
 * Resources, "Error Handling").
 */
export function noSuchResource({ era }: Revision, uri: string): ErrorOptions {
  const rpcCode = era === 'stateless' ? RPC.invalidParams : RPC.resourceNotFound;
  return { rpcCode, details: uri.length > MAX_TOLD ? {} : { uri } };
}

/**
 * A failure as a JSON-RPC error response. `data` tells the `POSTERN_*` code, what to do, the call's
 * id in record or log if it is in either, and the failure's own details.
 */
export function rpcErrorBytes(error: PosternError, id: RpcId | null, callId?: string): Buffer {
  return Buffer.from(
    JSON.stringify({
      jsonrpc: '2.0',
      id,
      error: {
        code: error.rpcCode,
        message: error.message,
        data: { ...error.details, code: error.code, hint: error.hint, call: callId },
      },
    }),
  );
}
