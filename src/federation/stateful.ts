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
import type { ReplySink } from '#pipeline';
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
import { Router } from './route.ts';
import type { FederatedSession } from './session.ts';
import type { FederatedSessions } from './sessions.ts';
import type { RequestVisit, Visit } from './visit.ts';

const NO_SESSION = { sessionId: null };

/** Longest `initialize`, in bytes: it is kept as long as its session. */
const MAX_INITIALIZE = 64 * 1024;

/** Answers one exchange of the stateful era. @throws PosternError that answers the client. */
export async function answerStateful(
  visit: Visit,
  sink: ReplySink,
  federated: Federated,
  sessions: FederatedSessions,
): Promise<void> {
  const { frame, httpMethod, sessionId } = visit.call;
  if (frame?.kind === 'request' && frame.method === 'initialize' && sessionId === null) {
    await initialize({ ...visit, frame }, sink, federated, sessions);
    return;
  }
  const session = sessions.of(visit);
  if (httpMethod === 'DELETE') {
    await sessions.end(session);
    sink.empty(200, NO_SESSION);
  } else if (httpMethod === 'GET' || frame === null) {
    await session.stream.run(visit, sink);
  } else if (frame.kind === 'request') {
    await session.pending.during(frame, (cancelled) =>
      request({ ...visit, frame }, sink, { federated, session, cancelled }),
    );
  } else if (frame.kind === 'response') {
    await respond(visit, frame, sink, session);
  } else {
    await notify(visit, frame, sink, session);
  }
}

async function initialize(
  visit: RequestVisit,
  sink: ReplySink,
  federated: Federated,
  sessions: FederatedSessions,
): Promise<void> {
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
  sink.json(200, { sessionId: session.id }, resultBytes(frame.id, result));
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

async function request(visit: RequestVisit, sink: ReplySink, here: InSession): Promise<void> {
  const { frame } = visit;
  const result = await answeredHere(visit, here);
  if (result === null) await forwardRequest(visit, sink, here);
  else if (here.cancelled.aborted) endUnanswered(sink);
  else sink.json(200, NO_SESSION, resultBytes(frame.id, result));
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
  const list = listAll(visit, session, shape, federated);
  return Promise.race([list, aborted(cancelled).then(() => ({}))]);
}

async function forwardRequest(
  visit: RequestVisit,
  sink: ReplySink,
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

/** The server owes no answer any more (2025-11-25, Cancellation), so the reply ends here. */
function endUnanswered(sink: ReplySink): void {
  sink.openEvents(NO_SESSION);
  sink.endEvents();
}

/** Hands the client's answer to the member that asked. */
async function respond(
  visit: Visit,
  frame: ResponseFrame,
  sink: ReplySink,
  session: FederatedSession,
): Promise<void> {
  const asked = session.questions.find(frame.id);
  if (asked === undefined || typeof frame.id !== 'string') {
    throw new ResponseUnexpected('no server waits for an answer with this id');
  }
  session.questions.answered(frame.id);
  const bytes = editJson(frame.bytes, { id: always(asked.id) });
  await pass(visit, { ...frame, id: asked.id, bytes }, asked.server, sink, session);
}

async function notify(
  visit: Visit,
  frame: NotificationFrame,
  sink: ReplySink,
  session: FederatedSession,
): Promise<void> {
  const { method, params } = frame;
  if (method === 'notifications/cancelled') {
    const server = session.pending.cancel(params['requestId']);
    if (server !== null) {
      await pass(visit, frame, server, sink, session);
      return;
    }
  }
  if (method === 'notifications/progress') {
    const asked = session.questions.find(params['progressToken']);
    if (asked?.token !== undefined) {
      await pass(visit, reported(frame, asked), asked.server, sink, session);
      return;
    }
  }
  if (method === 'notifications/roots/list_changed') {
    await session.broadcast(visit, frame, () => true);
  }
  sink.empty(202, NO_SESSION);
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
  sink: ReplySink,
  session: FederatedSession,
): Promise<void> {
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
}
