import type { PosternError } from '#lib';
import type { RpcId } from './frame.ts';

/**
 * A failure as a JSON-RPC error response. `data` tells the `POSTERN_*` code, what to do, the call's
 * id in the record, and the failure's own details.
 */
export function rpcErrorBytes(error: PosternError, id: RpcId | null, callId: string): Buffer {
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
