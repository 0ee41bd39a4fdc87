import type { JsonObject, NotificationFrame, RequestFrame, RpcId } from '#mcp';

/** A request that is made here. */
export function requestFrame(id: RpcId, method: string, params: JsonObject): RequestFrame {
  const bytes = Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
  return { kind: 'request', bytes, id, method, params };
}

/** A notification that is made here. */
export function notificationFrame(method: string, params: JsonObject = {}): NotificationFrame {
  const bytes = Buffer.from(JSON.stringify({ jsonrpc: '2.0', method, params }));
  return { kind: 'notification', bytes, method, params };
}

/** The answer to a request. */
export function resultBytes(id: RpcId, result: JsonObject): Buffer {
  return Buffer.from(JSON.stringify({ jsonrpc: '2.0', id, result }));
}
