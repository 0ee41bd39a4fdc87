/**
 * Sessionless requests under ids of the gateway's own, so that those of clients that know nothing of each
 * other are told apart in one process, also when they are answered late.
 */
import type { Limits } from '#lib';
import type { Edits, RequestFrame, RpcId } from '#mcp';
import { always, asRpcId, editJson, FrameNotRpc, jsonLimitsOf, metaEntryOf, readFrame } from '#mcp';
import { readMessage } from '../../message.ts';
import { formatEvent } from '../../sse.ts';
import type { EventsReply, StreamEvent, UpstreamReply } from '../../upstream.ts';

/** By which notifications name the request that opened their subscription (2026-07-28, Subscriptions). */
const SUBSCRIPTION_ID = 'io.modelcontextprotocol/subscriptionId';

/** The request with this id instead of its own, and of its progress token if it has one. */
export function renamed(frame: RequestFrame, id: number, limits: Limits): RequestFrame {
  const hasToken = metaEntryOf(frame, 'progressToken') !== undefined;
  const params = hasToken ? { _meta: { progressToken: always(id) } } : {};
  const bytes = editJson(frame.bytes, { id: always(id), params });
  const request = readFrame(bytes, jsonLimitsOf(limits, bytes.length));
  if (request.kind !== 'request') throw new FrameNotRpc('a request has become something else');
  return request;
}

/** The reply to a renamed request, with the client's own id and token. */
export function restored(
  reply: UpstreamReply,
  asked: RequestFrame,
  id: number,
  limits: Limits,
): UpstreamReply {
  const edits = editsFor(asked, id);
  if (reply.kind === 'events') return { ...reply, events: editedEvents(reply, edits) };
  if (reply.kind === 'empty') return reply;
  return { ...reply, frame: readMessage(editJson(reply.frame.bytes, edits), limits) };
}

function editsFor(asked: RequestFrame, id: number): Edits {
  const back = (original: RpcId | undefined) => (value: unknown) =>
    value === id ? original : undefined;
  const meta = { _meta: { [SUBSCRIPTION_ID]: back(asked.id) } };
  const progressToken = back(asRpcId(metaEntryOf(asked, 'progressToken')));
  return { id: back(asked.id), params: { progressToken, ...meta }, result: meta };
}

/** Ending the iteration releases the stream, also before it has begun. */
function editedEvents({ events }: EventsReply, edits: Edits): AsyncIterable<StreamEvent> {
  const source = events[Symbol.asyncIterator]();
  const next = async (): Promise<IteratorResult<StreamEvent>> => {
    const step = await source.next();
    return step.done === true ? step : { done: false, value: editedEvent(step.value, edits) };
  };
  const leave = async (): Promise<IteratorResult<StreamEvent>> => {
    await source.return?.();
    return { done: true, value: undefined };
  };
  return { [Symbol.asyncIterator]: () => ({ next, return: leave }) };
}

function editedEvent(event: StreamEvent, edits: Edits): StreamEvent {
  if (event.message === null) return event;
  const message = editJson(event.message, edits);
  return { ...event, message, wire: formatEvent(message) };
}
