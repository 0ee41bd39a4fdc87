import type { JsonObject, NotificationFrame, RequestFrame, ResponseFrame } from '#mcp';
import {
  always,
  editJson,
  InvalidParams,
  isLogLevel,
  isObject,
  REVISION_NAMES,
  revisionByName,
} from '#mcp';
import type { OwnExchange, OwnReply, Resumed } from '#pipeline';
import { runCall } from '#pipeline';
import { ResponseUnexpected } from '#transport';
import { aborted } from './aborted.ts';
import { NotFederated } from './errors.ts';
import type { Federated } from './federated.ts';
import { forward } from './forward.ts';
import { resultBytes } from './frames.ts';
import { inboundOf } from './inbound.ts';
import { introduceAll } from './introduce.ts';
import { listAll } from './list-all.ts';
import { listShapeOf } from './list-shapes.ts';
import type { Asked } from './questions.ts';
import { RelaySink } from './relay-sink.ts';
import { replay } from './replay.ts';
import { Router } from './route.ts';
import type { FederatedSession } from './session.ts';
import type { FederatedSessions } from './sessions.ts';
import type { RequestVisit, Visit } from './visit.ts';

/** Longest `initialize`, in bytes: it is kept as long as its session. */
const MAX_INITIALIZE = 64 * 1024;

const ACCEPTED = { kind: 'empty', status: 202 } as const;

/**
 * Answers one exchange of the stateful era.
 *
 * @returns the answer, `null` when a member has given it.
 * @throws PosternError that answers the client.
 */
export async function answerStateful(
  visit: Visit,
  exchange: OwnExchange,
  federated: Federated,
  sessions: FederatedSessions,
): Promise<OwnReply | null> {
  const { frame, httpMethod, sessionId } = visit.call;
  if (frame?.kind === 'request' && frame.method === 'initialize' && sessionId === null) {
    return initialize({ ...visit, frame }, federated, sessions);
  }
  const session = sessions.of(visit);
  if (httpMethod === 'DELETE') {
    await sessions.end(session);
    return { kind: 'empty', status: 200 };
  }
  const resumed = enter(visit, exchange, session);
  if (httpMethod === 'GET' || frame === null) return listen(visit, exchange, session, resumed);
  if (frame.kind === 'request') {
    return session.pending.during(frame, (cancelled) =>
      request({ ...visit, frame }, exchange, { federated, session, cancelled }),
    );
  }
  return frame.kind === 'response'
    ? respond(visit, frame, exchange, session)
    : notify(visit, frame, exchange, session);
}

/** Has what goes out kept, for a client whose connection is lost; gives what it has missed. */
function enter(visit: Visit, exchange: OwnExchange, session: FederatedSession): Resumed | null {
  const { call, services, origins } = visit;
  const permitted = (): boolean => origins.permitted();
  const { sink, resumed } = services.resumption.enter(session.kept, call, exchange.sink, permitted);
  exchange.sink = sink;
  return resumed;
}

async function listen(
  visit: Visit,
  exchange: OwnExchange,
  session: FederatedSession,
  resumed: Resumed | null,
): Promise<OwnReply> {
  try {
    exchange.sink.openEvents({ sessionId: null });
    if (resumed !== null) await replay(resumed.events, exchange, visit.services.limits);
    if (resumed?.listens !== false)
      await session.stream.run(visit, exchange.sink, resumed !== null);
  } catch (thrown) {
    // A stream just ends when its client leaves.
    if (!visit.call.signal.aborted) throw thrown;
  }
  return { kind: 'events' };
}

async function initialize(
  visit: RequestVisit,
  federated: Federated,
  sessions: FederatedSessions,
): Promise<OwnReply> {
  const { frame, call } = visit;
  if (frame.bytes.length > MAX_INITIALIZE) {
    throw new InvalidParams(`"initialize" has more than ${MAX_INITIALIZE} bytes`);
  }
  const session = sessions.open(visit, frame.params);
  const merged = await introduceAll(visit, session, federated, (member) =>
    session.meet(visit, member),
  );
  // Nobody else will ever know its id.
  if (call.signal.aborted) await sessions.end(session);
  const result = {
    protocolVersion: negotiated(frame.params['protocolVersion']),
    capabilities: merged.capabilities,
    serverInfo: federated.serverInfo,
    ...(merged.instructions === null ? {} : { instructions: merged.instructions }),
    ...(Object.keys(merged.meta).length === 0 ? {} : { _meta: merged.meta }),
  };
  return { kind: 'json', sessionId: session.id, body: resultBytes(frame.id, result) };
}

/** What the client asked for, else the newest that has sessions. */
function negotiated(asked: unknown): string {
  const stateful = REVISION_NAMES.filter((name) => revisionByName(name)?.era === 'stateful');
  const newest = stateful.at(-1) ?? '';
  return typeof asked === 'string' && stateful.includes(asked) ? asked : newest;
}

interface InSession {
  readonly federated: Federated;
  readonly session: FederatedSession;
  /** Aborted when the client no longer wants an answer that is made here. */
  readonly cancelled: AbortSignal;
}

async function request(
  visit: RequestVisit,
  exchange: OwnExchange,
  here: InSession,
): Promise<OwnReply | null> {
  const { frame } = visit;
  const result = await answeredHere(visit, here);
  if (result === null) {
    await forwardRequest(visit, exchange, here);
    return null;
  }
  // The server owes no answer any more (2025-11-25, Cancellation), so the reply ends here.
  if (here.cancelled.aborted) return { kind: 'cancelled' };
  return { kind: 'json', sessionId: null, body: resultBytes(frame.id, result) };
}

/** The result of a request that is for no single member, `null` for one that is. */
async function answeredHere(
  visit: RequestVisit,
  { federated, session, cancelled }: InSession,
): Promise<JsonObject | null> {
  const { frame } = visit;
  if (frame.method === 'ping') return {};
  if (frame.method === 'logging/setLevel') {
    if (!isLogLevel(frame.params['level'])) throw new InvalidParams('"level" is no level of logs');
    const logs = (server: string): boolean =>
      !federated.knowledge.lacks(visit.owner, server, 'logging');
    session.wishes.forAll(frame, logs);
    await session.broadcast(visit, frame, logs);
    return {};
  }
  const shape = listShapeOf(frame.method);
  if (shape === undefined) return null;
  visit.origins.addList(visit.services);
  const list = listAll(visit, session, shape, federated);
  return Promise.race([list, aborted(cancelled).then(() => ({}))]);
}

async function forwardRequest(
  visit: RequestVisit,
  { sink }: OwnExchange,
  { federated, session }: InSession,
): Promise<void> {
  const { frame } = visit;
  if (isObject(frame.params['task'])) throw new NotFederated('tasks are not shared by servers');
  const routed = await new Router(visit, session, federated).route();
  if (routed === null) {
    throw new NotFederated(`"${frame.method.slice(0, 100)}" names no server`);
  }
  session.pending.at(frame, routed.member.server);
  session.wishes.forOne(routed.member.server, routed.frame);
  const inbound = inboundOf(session, routed.member, frame.method);
  await forward(visit, session, routed, inbound, sink);
}

/** Hands the client's answer to the member that asked. */
async function respond(
  visit: Visit,
  frame: ResponseFrame,
  exchange: OwnExchange,
  session: FederatedSession,
): Promise<null> {
  const asked = session.questions.find(frame.id);
  if (asked === undefined || typeof frame.id !== 'string') {
    throw new ResponseUnexpected('no server waits for an answer with this id');
  }
  session.questions.answered(frame.id);
  const bytes = editJson(frame.bytes, { id: always(asked.id) });
  return pass(visit, { ...frame, id: asked.id, bytes }, asked.server, exchange, session);
}

async function notify(
  visit: Visit,
  frame: NotificationFrame,
  exchange: OwnExchange,
  session: FederatedSession,
): Promise<OwnReply | null> {
  const { method, params } = frame;
  if (method === 'notifications/cancelled') {
    const server = session.pending.cancel(params['requestId']);
    if (server !== null) return pass(visit, frame, server, exchange, session);
  }
  if (method === 'notifications/progress') {
    const asked = session.questions.find(params['progressToken']);
    if (asked?.token !== undefined) {
      return pass(visit, reported(frame, asked), asked.server, exchange, session);
    }
  }
  if (method === 'notifications/roots/list_changed') {
    await session.broadcast(visit, frame, () => true);
  }
  return ACCEPTED;
}

function reported(frame: NotificationFrame, { token }: Asked): NotificationFrame {
  const bytes = editJson(frame.bytes, { params: { progressToken: always(token) } });
  return { ...frame, bytes, params: { ...frame.params, progressToken: token } };
}

/** Passes a message that has no answer to one member. */
async function pass(
  visit: Visit,
  frame: NotificationFrame | ResponseFrame | RequestFrame,
  server: string,
  { sink }: OwnExchange,
  session: FederatedSession,
): Promise<null> {
  const member = visit.members.find((one) => one.server === server);
  if (member === undefined) {
    throw new ResponseUnexpected('the server is not open to this caller any more');
  }
  const call = await session.callTo(visit, member, frame, visit.call.signal);
  const relay = new RelaySink(sink, {
    inbound: { answer: (bytes) => bytes, aside: () => null },
    limits: visit.services.limits,
    inSession: true,
  });
  await runCall(call, visit.services, relay);
  return null;
}
