import type { EventSink, Limits } from '#lib';
import { messageOf, toPosternError } from '#lib';
import type { Frame, ResponseFrame } from '#mcp';
import { filterList, idKey, readFrame, rpcErrorBytes } from '#mcp';
import { isVisible } from '#policy';
import type { EventsReply, JsonReply, StreamEvent, UpstreamReply } from '#transport';
import { formatEvent, UpstreamProtocolError } from '#transport';
import type { Admitted } from './admit.ts';
import type { Journal } from './journal.ts';
import { failureOf, outcomeOf } from './journal.ts';
import type { ReplySink } from './reply-sink.ts';

/** What delivering needs besides the call. */
export interface Delivery {
  readonly permit: Admitted;
  readonly journal: Journal;
  readonly sink: ReplySink;
  readonly limits: Limits;
  readonly events: EventSink;
}

/**
 * Last stage: reads every message of the reply, takes out of lists what policy denies, writes the
 * record and only then lets the answer go.
 */
export async function deliver(delivery: Delivery, reply: UpstreamReply): Promise<void> {
  switch (reply.kind) {
    case 'empty':
      await delivery.journal.close(statusOutcome(reply.status));
      delivery.sink.empty(reply.status, reply);
      return;
    case 'json':
      await deliverJson(delivery, reply);
      return;
    case 'events':
      await deliverEvents(delivery, reply);
  }
}

async function deliverJson(delivery: Delivery, reply: JsonReply): Promise<void> {
  const { permit, journal, sink } = delivery;
  const frame = readUpstreamFrame(reply.body, delivery.limits);
  if (frame.kind !== 'response' || !answers(frame, permit.call.frame, reply.status)) {
    throw new UpstreamProtocolError('the server answered with a message that is no answer');
  }
  const body = filtered(delivery, frame);
  journal.answered(frame.bytes);
  journal.returned(body.length);
  await journal.close(outcomeOf(frame, reply.status));
  sink.json(reply.status, reply, body);
}

async function deliverEvents(delivery: Delivery, reply: EventsReply): Promise<void> {
  const { permit, journal, sink } = delivery;
  sink.openEvents(reply);
  try {
    for await (const event of reply.events) {
      const wire = await inspectEvent(delivery, event);
      if (wire === null) continue;
      journal.returned(wire.length);
      await sink.event(wire);
    }
    // A request whose stream ends without an answer was cancelled; a GET stream just ends.
    const status = permit.call.frame === null ? 'ok' : 'cancelled';
    await journal.close({ status, http_status: 200 });
  } catch (thrown) {
    await endWithError(delivery, thrown);
  }
  sink.endEvents();
}

/** The bytes of an event to pass on; `null` when it must not be. */
async function inspectEvent(delivery: Delivery, event: StreamEvent): Promise<Buffer | null> {
  if (event.message === null) return event.wire;
  const { permit, journal } = delivery;
  const frame = readUpstreamFrame(event.message, delivery.limits);
  if (frame.kind === 'request') await journal.serverRequest(frame);
  if (frame.kind !== 'response') return event.wire;
  const body = filtered(delivery, frame);
  if (answers(frame, permit.call.frame, 200)) {
    journal.answered(frame.bytes);
    await journal.close(outcomeOf(frame, 200));
  }
  return body === frame.bytes ? event.wire : formatEvent(body, event.id);
}

/** A stream that has begun can tell of a failure only as the answer to its request. */
async function endWithError(delivery: Delivery, thrown: unknown): Promise<void> {
  const { permit, journal, sink } = delivery;
  const { call } = permit;
  const gone = call.signal.aborted;
  const error = toPosternError(thrown);
  await journal.close(gone ? { status: 'undelivered', http_status: 200 } : failureOf(error, 200));
  delivery.events({
    severity: gone ? 'debug' : 'warn',
    name: 'call.stream_failed',
    message: gone ? 'the client went away during a stream' : messageOf(thrown),
    fields: { call: call.id, server: call.server },
  });
  if (gone || call.frame?.kind !== 'request') return;
  await sink.event(formatEvent(rpcErrorBytes(error, call.frame.id, call.id), null));
}

function filtered(delivery: Delivery, frame: ResponseFrame): Buffer {
  const { policy, subject, call } = delivery.permit;
  const asked = call.frame;
  const method = asked?.kind === 'request' && answers(frame, asked, 200) ? asked.method : null;
  return filterList(method, frame, (item) => isVisible(policy, subject, item));
}

/** An HTTP error may answer with a JSON-RPC error that has no id. */
function answers(response: ResponseFrame, asked: Frame | null, status: number): boolean {
  if (response.id === null) return status >= 400;
  if (asked?.kind !== 'request') return false;
  return idKey(response.id) === idKey(asked.id);
}

function readUpstreamFrame(bytes: Buffer, limits: Limits): Frame {
  try {
    return readFrame(bytes, { maxBytes: limits.maxMessageBytes, maxDepth: limits.maxJsonDepth });
  } catch (cause) {
    throw new UpstreamProtocolError(`the server sent an unreadable message: ${messageOf(cause)}`, {
      cause,
    });
  }
}

function statusOutcome(status: number): Parameters<Journal['close']>[0] {
  return { status: status < 400 ? 'ok' : 'failed', http_status: status };
}
