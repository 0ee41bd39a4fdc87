import type { EventSink, Limits } from '#lib';
import { messageOf, toPosternError } from '#lib';
import type { Frame, NotificationFrame, RequestFrame, ResponseFrame } from '#mcp';
import { checkNegotiated, filterList, idKey, paramOf, rpcErrorBytes } from '#mcp';
import type { Policy } from '#policy';
import { isVisible } from '#policy';
import type { EventsReply, JsonReply, StreamEvent, UpstreamReply } from '#transport';
import { formatEvent, readMessage, UpstreamProtocolError, UpstreamUnavailable } from '#transport';
import type { Admitted } from './admit.ts';
import { ownerOf } from './authenticate.ts';
import type { Call } from './call.ts';
import { cutBy } from './call.ts';
import { bringsEarlierAnswers, inspectEarlier } from './earlier-answers.ts';
import type { EarlierRequests } from './earlier-requests.ts';
import type { Place } from './forward.ts';
import type { Journal } from './journal.ts';
import { failureOf, outcomeOf } from './journal.ts';
import type { ReplySink } from './reply-sink.ts';
import type { ServerRevisions } from './server-revisions.ts';
import type { ToolHeaders } from './tool-headers.ts';

type Outcome = Parameters<Journal['close']>[0];

/** What delivering needs besides the call. */
export interface Delivery {
  readonly permit: Admitted;
  readonly place: Place;
  readonly journal: Journal;
  readonly sink: ReplySink;
  readonly limits: Limits;
  readonly events: EventSink;
  readonly policyNow: () => Policy;
  readonly toolHeaders: ToolHeaders;
  readonly earlierRequests: EarlierRequests;
  readonly serverRevisions: ServerRevisions;
  /** Ends the session that the reply opens, which its client cannot use. */
  readonly refuseSession: () => void;
}

/**
 * Last stage: reads every message of the reply, takes out of lists what policy denies, writes the
 * record and only then lets the answer go.
 */
export async function deliver(delivery: Delivery, reply: UpstreamReply): Promise<void> {
  switch (reply.kind) {
    case 'empty':
      refuseBroken(delivery, reply.status);
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

/**
 * Clients wait for an answer to a request, and a bare status of 5xx is none; one of 4xx tells them how to
 * go on (2025-11-25, Transports, "Backwards Compatibility").
 *
 * @throws UpstreamUnavailable
 */
function refuseBroken({ permit: { call } }: Delivery, status: number): void {
  if (status < 500 || call.frame?.kind !== 'request') return;
  throw new UpstreamUnavailable(`the server answers with HTTP status ${status}`, {
    details: { status },
  });
}

async function deliverJson(delivery: Delivery, reply: JsonReply): Promise<void> {
  const { permit, journal, sink } = delivery;
  const { frame } = reply;
  if (frame.kind !== 'response' || !answers(frame, permit.call.frame, reply.status)) {
    throw new UpstreamProtocolError('the server answered with a message that is no answer');
  }
  const body = inspectAnswer(delivery, frame);
  journal.answered(frame.bytes);
  journal.returned(body.length);
  await journal.close(outcomeOf(frame, reply.status));
  sink.json(reply.status, reply, body);
}

/** What has gone out on a stream. */
interface Sent {
  /** The answer to the request. */
  answer: boolean;
  /** An event id, by which the client can ask for what comes after it. */
  id: boolean;
  /** It was told that something has not. */
  dropped: boolean;
}

async function deliverEvents(delivery: Delivery, reply: EventsReply): Promise<void> {
  const { permit, journal, sink } = delivery;
  const sent: Sent = { answer: false, id: false, dropped: false };
  sink.openEvents(reply);
  try {
    for await (const event of reply.events) {
      const inspected = inspectEvent(delivery, event, sent);
      const wire = inspected instanceof Promise ? await inspected : inspected;
      if (wire === null) continue;
      journal.returned(wire.length);
      if (event.message === null && event.id === null) await sink.event(wire);
      else await sink.event(wire, event.id);
    }
    const cut = cutBy(permit.call);
    if (cut !== null) throw cut;
    // A request whose stream ends without an answer was cancelled; a GET stream just ends.
    const status = permit.call.frame === null ? 'ok' : 'cancelled';
    await journal.close({ status, http_status: 200 });
    sink.endEvents();
  } catch (thrown) {
    await endWithError(delivery, sent, thrown);
  }
}

/** The bytes of an event to pass on, `null` when it is dropped; at once for what has no record. */
function inspectEvent(
  delivery: Delivery,
  event: StreamEvent,
  sent: Sent,
): Buffer | null | Promise<Buffer | null> {
  if (event.id !== null && !sent.id) noteKept(delivery);
  sent.id ||= event.id !== null;
  if (event.message === null) return event.wire;
  const frame = readMessage(event.message, delivery.limits);
  if (isOutOfPlace(frame, delivery)) {
    if (!sent.dropped) tellDropped(delivery, frame);
    sent.dropped = true;
    return null;
  }
  if (frame.kind === 'notification') return mayHear(frame, delivery) ? event.wire : null;
  return inspectRecorded(delivery, event, frame, sent);
}

/** Requests and answers are on the record before they go out. */
async function inspectRecorded(
  delivery: Delivery,
  event: StreamEvent,
  frame: RequestFrame | ResponseFrame,
  sent: Sent,
): Promise<Buffer> {
  const { permit, journal } = delivery;
  if (frame.kind === 'request') {
    await journal.serverRequest(frame);
    return event.wire;
  }
  const own = answers(frame, permit.call.frame, 200);
  const body = own ? inspectAnswer(delivery, frame) : await inspectEarlier(delivery, frame);
  if (own) {
    sent.answer = true;
    journal.answered(frame.bytes);
    await journal.close(outcomeOf(frame, 200));
  }
  return body === frame.bytes ? event.wire : formatEvent(body, event.id);
}

/** An event with an id tells that the server keeps the stream, and may send the answer once more. */
function noteKept({ permit, place: { session }, earlierRequests }: Delivery): void {
  const { frame } = permit.call;
  if (frame?.kind === 'request' && session !== null) earlierRequests.note(session, frame, permit);
}

/**
 * A request's stream carries its one answer, the stream of a session none unless it is taken up again
 * (2025-11-25, Streamable HTTP, "Listening for Messages from the Server"). In the stateless era servers
 * send no requests (2026-07-28, Streamable HTTP, "Receiving Messages").
 */
function isOutOfPlace(frame: Frame, delivery: Delivery): boolean {
  const { frame: asked, revision } = delivery.permit.call;
  if (frame.kind === 'notification') return false;
  if (frame.kind === 'request') return revision.era === 'stateless';
  if (frame.id === null || answers(frame, asked, 200)) return false;
  return !bringsEarlierAnswers(delivery);
}

/** Whether the caller may know of the resource that a notification names, as things are by now. */
function mayHear(frame: NotificationFrame, { permit, policyNow }: Delivery): boolean {
  if (frame.method !== 'notifications/resources/updated') return true;
  const name = paramOf(frame, 'uri');
  if (typeof name !== 'string') return false;
  return isVisible(policyNow(), permit.subject, { kind: 'resource', name });
}

/** Told once a stream: a server may send many. */
function tellDropped({ permit: { call }, events }: Delivery, { kind }: Frame): void {
  events({
    severity: 'warn',
    name: 'upstream.message_dropped',
    message: `dropped from "${call.server}": a ${kind} that does not belong on this stream`,
    fields: { server: call.server, call: call.id },
  });
}

/** A stream that has begun can tell of a failure only as the answer to its request. */
async function endWithError(delivery: Delivery, sent: Sent, thrown: unknown): Promise<void> {
  const { permit, journal, sink } = delivery;
  const { call } = permit;
  const cut = cutBy(call);
  const gone = call.signal.aborted && cut === null;
  const error = cut ?? toPosternError(thrown);
  await journal.close(gone ? leftAlone(call) : failureOf(error, 200));
  delivery.events({
    severity: gone ? 'debug' : 'warn',
    name: 'call.stream_failed',
    message: gone ? 'the client went away during a stream' : messageOf(cut ?? thrown),
    fields: { call: call.id, server: call.server },
  });
  const mayBeKept = sent.id && call.revision.era === 'stateful';
  if (gone || sent.answer || call.frame?.kind !== 'request') {
    sink.endEvents();
  } else if (mayBeKept && (cut !== null || error instanceof UpstreamUnavailable)) {
    // The server still has the answer; a client whose connection is lost comes back for it with
    // Last-Event-ID (Streamable HTTP, "Resumability and Redelivery").
    sink.abort();
  } else {
    await sink.event(formatEvent(rpcErrorBytes(error, call.frame.id, call.id)), null);
    sink.endEvents();
  }
}

/** How a stream reads in the record that its client has left before the answer. */
function leftAlone({ frame, revision }: Call): Outcome {
  if (frame === null) return { status: 'ok', http_status: 200 };
  // Only in the stateless revisions does a server give up what its client has left.
  const status = revision.era === 'stateless' ? 'cancelled' : 'undelivered';
  return { status, http_status: 200 };
}

/**
 * The bytes of an answer to pass on.
 *
 * @throws RevisionTooOld when it opens a session in a revision that the listener does not take.
 */
function inspectAnswer(delivery: Delivery, frame: ResponseFrame): Buffer {
  const { permit } = delivery;
  const { policy, subject, call } = permit;
  const method = call.frame?.kind === 'request' ? call.frame.method : null;
  if (method === 'initialize') refuseTooOld(delivery, frame);
  if (call.revision.era === 'stateless') learn(delivery, method, frame);
  return filterList(method, frame, (item) => isVisible(policy, subject, item));
}

/** Keeps what the server says of itself, as far as later calls are judged by it. */
function learn(delivery: Delivery, method: string | null, { outcome, bytes }: ResponseFrame): void {
  if ('error' in outcome) return;
  const { permit, toolHeaders, serverRevisions } = delivery;
  const { server } = permit.call;
  if (method === 'tools/list') toolHeaders.learn(server, ownerOf(permit), outcome.result, bytes);
  if (method === 'server/discover') serverRevisions.learn(server, outcome.result);
}

function refuseTooOld(delivery: Delivery, frame: ResponseFrame): void {
  try {
    checkNegotiated(frame, delivery.permit.call.minRevision);
  } catch (thrown) {
    delivery.refuseSession();
    throw thrown;
  }
}

/** An HTTP error may answer with a JSON-RPC error that has no id. */
function answers(response: ResponseFrame, asked: Frame | null, status: number): boolean {
  if (response.id === null) return status >= 400;
  if (asked?.kind !== 'request') return false;
  return idKey(response.id) === idKey(asked.id);
}

function statusOutcome(status: number): Outcome {
  return { status: status < 400 ? 'ok' : 'failed', http_status: status };
}
