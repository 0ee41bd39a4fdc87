import type { Recorder } from '#audit';
import type { EventSink, Limits, Meter, PosternError } from '#lib';
import { messageOf, toPosternError } from '#lib';
import { checkParamHeaders, rpcErrorBytes } from '#mcp';
import type { Policy } from '#policy';
import type { Upstream } from '#transport';
import { admit } from './admit.ts';
import { authenticate, ownerOf } from './authenticate.ts';
import type { Permitted } from './authorize.ts';
import { authorize } from './authorize.ts';
import type { Call } from './call.ts';
import { deliver } from './deliver.ts';
import { isDenial, MethodUnknown, ServerUnknown } from './errors.ts';
import { endSession, forward } from './forward.ts';
import { failureOf, Journal } from './journal.ts';
import type { ReplySink } from './reply-sink.ts';
import type { ServerRevisions } from './server-revisions.ts';
import type { ToolHeaders } from './tool-headers.ts';

/** What the stages work with; one immutable set for the whole of a call. */
export interface Services {
  readonly trustDomain: string;
  readonly policy: Policy;
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly recorder: Recorder;
  readonly limits: Limits;
  readonly events: EventSink;
  readonly meter: Meter;
  readonly toolHeaders: ToolHeaders;
  readonly serverRevisions: ServerRevisions;
}

/**
 * The way of one call: authenticate → authorize → admit → forward → deliver. Straight through, no way
 * back; each stage takes the permit of the one before. Never throws: whatever fails is answered,
 * recorded and told.
 */
export async function runCall(call: Call, services: Services, sink: ReplySink): Promise<void> {
  const journal = new Journal(call, services);
  try {
    const caller = authenticate(call, services.trustDomain);
    journal.identified(caller.principal);
    const authorization = authorize(caller, services.policy);
    if (!authorization.ok) {
      journal.decided(authorization.decision, services.policy);
      throw authorization.error;
    }
    const { permit } = authorization;
    journal.decided(permit.decision, services.policy);
    checkMirrors(permit, services.toolHeaders);
    const admitted = admit(permit, services.recorder);
    const upstream = services.upstreams.get(call.server);
    if (upstream === undefined) throw new ServerUnknown(`no server "${call.server}"`);
    journal.forwarding(upstream.kind);
    const reply = await forward(admitted, upstream, journal);
    journal.inSession(reply.sessionId);
    const { sessionId } = reply;
    const refuseSession = (): void => {
      if (sessionId !== null) void endSession(admitted, upstream, sessionId);
    };
    await deliver({ ...services, permit: admitted, journal, sink, refuseSession }, reply);
  } catch (thrown) {
    await refuse(call, services, journal, sink, thrown);
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
export function answerError(call: Answered, sink: ReplySink, error: PosternError): void {
  const { frame } = call;
  const id = frame?.kind === 'request' ? frame.id : null;
  sink.json(statusFor(call, error), { sessionId: null }, rpcErrorBytes(error, id, call.id));
}

/** What has to be known of a call to answer its failure; the revision as far as it was read. */
type Answered = Pick<Call, 'id' | 'frame'> & Partial<Pick<Call, 'revision'>>;

/**
 * Without a request there is no JSON-RPC answer that carries the failure, so the status has to; and the
 * stateless revisions have one of their own for an unknown method ("Protocol Version Header").
 */
function statusFor({ frame, revision }: Answered, error: PosternError): number {
  if (error.code === MethodUnknown.code && revision?.era === 'stateless') return 404;
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
