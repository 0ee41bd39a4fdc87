/** Messages that the bridge writes itself, and those of a reply one by one. */
import type { Limits } from '#lib';
import { parseJson } from '#lib';
import type {
  Frame,
  JsonObject,
  NotificationFrame,
  RequestFrame,
  ResponseFrame,
  RpcId,
} from '#mcp';
import { isObject } from '#mcp';
import type { UpstreamReply } from '#transport';
import { readMessage, UpstreamProtocolError } from '#transport';

/** A JSON-RPC error with its data, which frames do not keep. */
export interface RpcError {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/** A request. */
export function requestFrame(id: RpcId, method: string, params: JsonObject): RequestFrame {
  return { kind: 'request', bytes: bytesOf({ id, method, params }), id, method, params };
}

/** A notification. */
export function notificationFrame(method: string, params: JsonObject): NotificationFrame {
  return { kind: 'notification', bytes: bytesOf({ method, params }), method, params };
}

/** The successful answer to the request with this id. */
export function resultFrame(id: RpcId, result: JsonObject): ResponseFrame {
  return { kind: 'response', bytes: bytesOf({ id, result }), id, outcome: { result } };
}

/** The error that answers the request with this id. */
export function errorAnswer(id: RpcId, error: RpcError): ResponseFrame {
  return { kind: 'response', bytes: bytesOf({ id, error }), id, outcome: { error } };
}

/** The error of an answer, `null` when it is a success. */
export function errorOf(frame: ResponseFrame): RpcError | null {
  if (!('error' in frame.outcome)) return null;
  const { code, message } = frame.outcome.error;
  const written: unknown = parseJson(frame.bytes.toString('utf8'));
  const error = isObject(written) ? written['error'] : undefined;
  const data = isObject(error) ? error['data'] : undefined;
  return { code, message, ...(data === undefined ? {} : { data }) };
}

/**
 * The messages of a reply to a request, in order.
 *
 * @throws UpstreamProtocolError for a reply that has no body, and what {@link framesOf} throws.
 */
export function answersOf(reply: UpstreamReply, limits: Limits): AsyncGenerator<Frame, void> {
  if (reply.kind !== 'empty') return framesOf(reply, limits);
  const { status } = reply;
  throw new UpstreamProtocolError(`the server answers a request with HTTP status ${status} alone`, {
    details: { status },
  });
}

/** The failure of a server that lets a request go without an answer: its client must not wait on. */
export function unanswered(): Error {
  return new UpstreamProtocolError('the server has ended its reply without an answer');
}

/**
 * The messages of a reply, in order. Ending the iteration early releases the reply.
 *
 * @throws UpstreamProtocolError for one that cannot be read, and whatever the stream ends with.
 */
export async function* framesOf(reply: UpstreamReply, limits: Limits): AsyncGenerator<Frame, void> {
  if (reply.kind === 'json') yield reply.frame;
  if (reply.kind !== 'events') return;
  for await (const { message } of reply.events) {
    if (message !== null) yield readMessage(message, limits);
  }
}

function bytesOf(message: JsonObject): Buffer {
  return Buffer.from(JSON.stringify({ jsonrpc: '2.0', ...message }));
}
