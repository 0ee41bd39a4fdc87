import type { Recorder } from '#audit';
import type { EventSink, Limits, PosternError } from '#lib';
import { messageOf, toPosternError } from '#lib';
import { rpcErrorBytes } from '#mcp';
import type { Policy } from '#policy';
import type { Upstream, UpstreamReply } from '#transport';
import { SessionNotFound } from '#transport';
import { admit } from './admit.ts';
import { authenticate } from './authenticate.ts';
import type { Permitted } from './authorize.ts';
import { authorize } from './authorize.ts';
import type { Call } from './call.ts';
import { deliver } from './deliver.ts';
import { AccessDenied, ServerUnknown } from './errors.ts';
import { forward } from './forward.ts';
import { failureOf, Journal } from './journal.ts';
import type { ReplySink } from './reply-sink.ts';
import type { Resumption } from './resumption.ts';
import type { Session, SessionTokens } from './session-tokens.ts';

/** What the stages work with; one immutable set for the whole of a call. */
export interface Services {
  readonly trustDomain: string;
  readonly policy: Policy;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly sessions: SessionTokens;
  readonly resumption: Resumption;
  readonly recorder: Recorder;
  readonly limits: Limits;
  readonly events: EventSink;
}

/**
 * The way of one call: authenticate → authorize → admit → forward → deliver. Straight through, no way
 * back; each stage takes the permit of the one before. Never throws: whatever fails is answered,
 * recorded and told.
 */
export async function runCall(call: Call, services: Services, sink: ReplySink): Promise<void> {
  const journal = new Journal(call, services.recorder);
  let way = sink;
  try {
    const permit = permitted(call, services, journal);
    const admitted = admit(permit, services.recorder);
    const upstream = services.upstreams.get(call.server);
    if (upstream === undefined) throw new ServerUnknown(`no server "${call.server}"`);
    const session = services.sessions.open(permit);
    const entered = session === null ? null : services.resumption.enter(session, call, sink);
    way = entered?.sink ?? sink;
    const place = { session, resumed: entered?.resumed ?? null };
    const reply = await inSession(session, services, () =>
      forward(admitted, place, upstream, journal),
    );
    if (session !== null && endsSession(call, reply)) services.resumption.ended(session);
    const { limits, events, sessions } = services;
    const sealed = reply.sessionId === null ? null : sessions.seal(permit, reply.sessionId);
    journal.inSession(sealed);
    const delivery = { permit: admitted, journal, sink: way, limits, events };
    await deliver(delivery, { ...reply, sessionId: sealed });
  } catch (thrown) {
    await refuse(call, services, journal, way, thrown);
  }
}

function permitted(call: Call, services: Services, journal: Journal): Permitted {
  const caller = authenticate(call, services.trustDomain);
  journal.identified(caller.principal);
  const authorization = authorize(caller, services.policy);
  const { decision } = authorization.ok ? authorization.permit : authorization;
  journal.decided(decision, services.policy);
  if (authorization.ok) return authorization.permit;
  throw authorization.error;
}

/** Has a session that turns out to be over forgotten here too. */
async function inSession(
  session: Session | null,
  { resumption, sessions, events }: Services,
  exchange: () => Promise<UpstreamReply>,
): Promise<UpstreamReply> {
  try {
    return await exchange();
  } catch (thrown) {
    if (session === null || !(thrown instanceof SessionNotFound)) throw thrown;
    resumption.ended(session);
    const { instance, server } = session;
    if (instance === sessions.instance) throw thrown;
    events({
      severity: 'info',
      name: 'session.elsewhere',
      message: `a session of "${server}" was opened by ${instance} and cannot go on here`,
      fields: { server, instance },
    });
    throw thrown;
  }
}

function endsSession({ httpMethod }: Call, { status }: UpstreamReply): boolean {
  return httpMethod === 'DELETE' && status < 300;
}

async function refuse(
  call: Call,
  services: Services,
  journal: Journal,
  sink: ReplySink,
  thrown: unknown,
): Promise<void> {
  let error = toPosternError(thrown);
  try {
    const { aborted } = call.signal;
    await journal.close(
      aborted
        ? { status: 'cancelled', http_status: null }
        : failureOf(error, statusFor(call, error)),
    );
  } catch (recordFailure) {
    error = toPosternError(recordFailure);
  }
  tell(call, services, error);
  if (call.signal.aborted || sink.started) sink.abort();
  else answerError(call, sink, error);
}

/** Answers a call with a failure: a request with its JSON-RPC error, the rest with an HTTP status. */
export function answerError(
  call: Pick<Call, 'id' | 'frame'>,
  sink: ReplySink,
  error: PosternError,
): void {
  const { frame } = call;
  const id = frame?.kind === 'request' ? frame.id : null;
  sink.json(statusFor(call, error), { sessionId: null }, rpcErrorBytes(error, id, call.id));
}

/** Without a request there is no JSON-RPC answer that carries the failure, so the status has to. */
function statusFor({ frame }: Pick<Call, 'frame'>, error: PosternError): number {
  if (frame?.kind === 'request' || error.httpStatus >= 400) return error.httpStatus;
  return error.code === AccessDenied.code ? 403 : 502;
}

function tell(call: Call, services: Services, error: PosternError): void {
  services.events({
    severity: error.code === 'POSTERN_INTERNAL' ? 'error' : 'info',
    name: 'call.refused',
    message: error.message,
    fields: {
      call: call.id,
      server: call.server,
      code: error.code,
      source: call.source,
      ...(error.cause === undefined ? {} : { cause: messageOf(error.cause) }),
      ...(error.code === 'POSTERN_INTERNAL' ? { stack: stackOf(error.cause) } : {}),
    },
  });
}

function stackOf(thrown: unknown): string | undefined {
  return thrown instanceof Error ? thrown.stack : undefined;
}
