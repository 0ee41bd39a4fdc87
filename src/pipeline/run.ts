import type { Recorder } from '#audit';
import type { PeerCertificate } from '#crypto';
import type { EventSink, Limits, Meter, PosternError } from '#lib';
import { messageOf, toPosternError } from '#lib';
import { checkParamHeaders, RPC, rpcErrorBytes } from '#mcp';
import { ScopeInsufficient } from '#oauth';
import type { Policy } from '#policy';
import type { Upstream, UpstreamReply } from '#transport';
import { SessionNotFound } from '#transport';
import { admit } from './admit.ts';
import { permittedLater } from './admission.ts';
import { authenticate, ownerOf } from './authenticate.ts';
import type { Permitted } from './authorize.ts';
import { authorize } from './authorize.ts';
import type { Call } from './call.ts';
import { cutBy } from './call.ts';
import { deliver } from './deliver.ts';
import type { EarlierRequests } from './earlier-requests.ts';
import { isDenial, ServerUnknown } from './errors.ts';
import { endSession, forward } from './forward.ts';
import { failureOf, Journal } from './journal.ts';
import type { ReplyHead, ReplySink } from './reply-sink.ts';
import type { Resumption } from './resumption.ts';
import type { ServerRevisions } from './server-revisions.ts';
import type { Session, SessionTokens } from './session-tokens.ts';
import type { ToolHeaders } from './tool-headers.ts';

/** What the stages work with; one immutable set for the whole of a call. */
export interface Services {
  readonly trustDomain: string;
  readonly policy: Policy;
  /** The policy in force by now, for what goes out long after a call began. */
  readonly policyNow: () => Policy;
  /** Why a client is refused whatever policy says, `null` when it is not. */
  readonly refusesPeer: (peer: PeerCertificate) => string | null;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly sessions: SessionTokens;
  readonly resumption: Resumption;
  readonly recorder: Recorder;
  readonly limits: Limits;
  readonly events: EventSink;
  readonly meter: Meter;
  readonly toolHeaders: ToolHeaders;
  readonly earlierRequests: EarlierRequests;
  readonly serverRevisions: ServerRevisions;
}

/**
 * The way of one call: authenticate → authorize → admit → forward → deliver. Straight through, no way
 * back; each stage takes the permit of the one before. Never throws: whatever fails is answered,
 * recorded and told.
 */
export async function runCall(call: Call, services: Services, sink: ReplySink): Promise<void> {
  const journal = new Journal(call, services);
  let way = sink;
  try {
    const permit = permitted(call, services, journal);
    checkMirrors(permit, services.toolHeaders);
    const admitted = admit(permit, services.recorder);
    const upstream = services.upstreams.get(call.server);
    if (upstream === undefined) throw new ServerUnknown(`no server "${call.server}"`);
    const session = services.sessions.open(permit);
    const later = permittedLater(permit, services);
    const entered = session === null ? null : services.resumption.enter(session, call, sink, later);
    way = entered?.sink ?? sink;
    const place = { session, resumed: entered?.resumed ?? null };
    const reply = await inSession(session, services, () =>
      forward(admitted, place, upstream, journal),
    );
    if (session !== null && endsSession(call, reply)) services.resumption.ended(session);
    const { sessionId: opened } = reply;
    const sessionId = opened === null ? null : services.sessions.seal(permit, opened);
    journal.inSession(sessionId);
    const refuseSession = (): void => {
      if (opened !== null) void endSession(admitted, upstream, opened);
    };
    const delivery = { ...services, permit: admitted, place, journal, sink: way, refuseSession };
    await deliver(delivery, { ...reply, sessionId });
  } catch (thrown) {
    await refuse(call, services, journal, way, thrown);
  }
}

/**
 * Headers that mirror arguments say what the arguments say, as far as the caller has been told of such
 * headers; a server over stdio cannot compare them itself.
 *
 * @throws HeaderMismatch
 */
function checkMirrors(permit: Permitted, known: ToolHeaders): void {
  const { call } = permit;
  const { frame } = call;
  if (call.revision.era === 'stateful' || frame?.kind !== 'request') return;
  const tool = frame.method === 'tools/call' ? frame.params['name'] : undefined;
  if (typeof tool !== 'string') return;
  checkParamHeaders(call.mcpHeaders, frame, known.of(call.server, ownerOf(permit), tool));
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

/** Records, tells and answers a failure. Never throws. */
export async function refuse(
  call: Call,
  services: Services,
  journal: Journal,
  sink: ReplySink,
  thrown: unknown,
): Promise<void> {
  const cut = cutBy(call);
  const gone = call.signal.aborted && cut === null;
  let error = cut ?? toPosternError(thrown);
  try {
    await journal.close(
      gone ? { status: 'cancelled', http_status: null } : failureOf(error, statusFor(call, error)),
    );
  } catch (recordFailure) {
    error = toPosternError(recordFailure);
  }
  tell(call, services, error);
  if (gone || sink.started) sink.abort();
  else answerError(call, sink, error);
}

/** Answers a call with a failure: a request with its JSON-RPC error, the rest with an HTTP status. */
export function answerError(call: Answered, sink: ReplySink, error: PosternError): void {
  const { frame } = call;
  const id = frame?.kind === 'request' ? frame.id : null;
  const { scopes } = error.details;
  const lacks = error instanceof ScopeInsufficient && Array.isArray(scopes);
  const head = lacks ? { sessionId: null, neededScopes: scopes } : NO_SESSION;
  sink.json(statusFor(call, error), head, rpcErrorBytes(error, id, call.id));
}

const NO_SESSION: ReplyHead = { sessionId: null };

/** What has to be known of a call to answer its failure; the revision as far as it was read. */
type Answered = Pick<Call, 'id' | 'frame'> & Partial<Pick<Call, 'revision'>>;

/**
 * Without a request there is no JSON-RPC answer that carries the failure, so the status has to; and the
 * stateless revisions have one of their own for an unknown method ("Protocol Version Header").
 */
function statusFor({ frame, revision }: Answered, error: PosternError): number {
  if (error.rpcCode === RPC.methodNotFound && revision?.era === 'stateless') return 404;
  if (frame?.kind === 'request' || error.httpStatus >= 400) return error.httpStatus;
  return isDenial(error) ? 403 : 502;
}

function tell(call: Call, services: Services, error: PosternError): void {
  services.events({
    severity: error.code === 'POSTERN_INTERNAL' ? 'error' : 'info',
    name: 'call.refused',
    message: error.message,
    fields: {
      call: call.id,
      ...(call.server === '' ? { via: call.via } : { server: call.server }),
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
