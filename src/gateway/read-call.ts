import { newCallId } from '#audit';
import type { Limits } from '#lib';
import type { Frame, Revision, SingleHeaders } from '#mcp';
import {
  checkHeaders,
  checkMinimum,
  isBatch,
  jsonLimitsOf,
  readBatch,
  readFrame,
  revisionOf,
  revisionsFrom,
} from '#mcp';
import type { Call, Caller, Lifeline } from '#pipeline';
import type { ClientConnection, HttpExchange } from '#transport';
import type { BodyRoom } from './body.ts';
import { readBody } from './body.ts';
import { MethodNotAllowed, PathUnknown, RequestRefused } from './errors.ts';
import type { HostNames } from './http-guard.ts';
import { checkMediaTypes, checkOrigin, singleHeaders } from './http-guard.ts';
import type { Target } from './routes.ts';
import { addressOf, routeOf } from './routes.ts';

/** What the listener knows of a request besides its bytes. */
export interface RequestOrigin extends Caller {
  readonly listener: string;
  /** The oldest revision that the listener takes. */
  readonly minRevision: Revision;
  readonly connection: ClientConnection;
  readonly signal: AbortSignal;
  readonly lifeline: Lifeline;
  readonly bodies: BodyRoom;
  /** Names of the revisions that a client of the server may choose from. */
  readonly supported: (server: string) => readonly string[];
  /** Whether this caller may use anything there, whatever it asks. */
  readonly mayReach: (target: Target) => boolean;
}

/** What is known of a call before it is read whole, for answering its failure. */
export interface CallHead {
  readonly id: string;
  frame: Frame | null;
}

/** What one HTTP request asks for. */
export type Incoming = { readonly target: Target } & (
  | { readonly batch: false; readonly call: Call }
  | { readonly batch: true; readonly calls: readonly Call[] }
);

/**
 * Reads an HTTP request. Everything that another reader could understand differently is refused here,
 * before authentication.
 *
 * @param head is filled as far as reading got, so that a failure can answer the right JSON-RPC id.
 * @throws PosternError that answers the client.
 */
export async function readCalls(
  exchange: HttpExchange,
  origin: RequestOrigin,
  names: HostNames,
  limits: Limits,
  head: CallHead,
): Promise<Incoming> {
  const headers = singleHeaders(exchange);
  checkOrigin(headers, names);
  const target = targetOf(exchange.target);
  const httpMethod = httpMethodOf(exchange);
  checkMediaTypes(headers, httpMethod);
  const receivedAtMs = Date.now();
  // Strangers do not get as far as having their messages read: without one the call is refused.
  const body =
    httpMethod === 'POST' && origin.mayReach(target)
      ? await readBody(exchange, limits.maxRequestBytes, origin.bodies)
      : null;
  const message = body === null ? null : readMessage(body, headers, limits);
  if (!Array.isArray(message)) head.frame = message;
  const { minRevision } = origin;
  const supported =
    message === null || target.kind !== 'server'
      ? revisionsFrom(minRevision)
      : origin.supported(target.name);
  const revision = revisionOf(headers, supported);
  if (httpMethod !== 'POST') checkBare(headers, httpMethod, revision, minRevision);
  const common = {
    receivedAtMs,
    listener: origin.listener,
    source: exchange.socket.remoteAddress ?? 'unknown',
    clientLink: origin.clientLink,
    token: origin.token,
    ...addressOf(target),
    httpMethod,
    revision,
    minRevision,
    // The stateless era has no sessions: such a header is ignored (2026-07-28, "Earlier … Revisions").
    sessionId: revision.era === 'stateful' ? sessionIdOf(headers) : null,
    lastEventId: revision.era === 'stateful' ? (headers['last-event-id'] ?? null) : null,
    mcpHeaders: mcpHeadersOf(headers, revision),
    connection: origin.connection,
    signal: origin.signal,
  };
  const callOf = (id: string, frame: Frame | null): Call => {
    if (frame !== null) checkMessage(headers, frame, revision, minRevision);
    return { ...common, id, frame };
  };
  if (!Array.isArray(message)) {
    const call = callOf(head.id, message);
    // In the stateless era a client cancels a call by leaving it.
    const goesOn = revision.era === 'stateful';
    const { lifeline } = origin;
    return { target, batch: false, call: goesOn ? { ...call, lifeline } : call };
  }
  return { target, batch: true, calls: message.map((frame) => callOf(newCallId(), frame)) };
}

/** The message in a body, or those of a batch. @throws what `readFrame` and `readBatch` throw. */
export function readMessage(body: Buffer, headers: SingleHeaders, limits: Limits): Frame | Frame[] {
  const jsonLimits = jsonLimitsOf(limits, limits.maxRequestBytes);
  if (!isBatch(body, headers)) return readFrame(body, jsonLimits);
  return readBatch(body, jsonLimits, limits.maxBatchMessages);
}

/** GET and DELETE are for sessions, which the stateless era has none of. */
function checkBare(
  headers: SingleHeaders,
  httpMethod: string,
  revision: Revision,
  min: Revision,
): void {
  const newest = [revision, min].find(({ era }) => era === 'stateless');
  if (newest !== undefined) {
    throw new MethodNotAllowed(`${httpMethod} does not exist in ${newest.name}`);
  }
  checkMinimum(headers, revision, null, min);
}

function checkMessage(
  headers: SingleHeaders,
  frame: Frame,
  revision: Revision,
  min: Revision,
): void {
  checkHeaders(headers, revision, frame);
  if (revision.era === 'stateless' && frame.kind === 'response') {
    throw new RequestRefused(`clients send no responses in ${revision.name}`);
  }
  checkMinimum(headers, revision, frame, min);
}

/** A new head with an id of its own. */
export function newCallHead(): CallHead {
  return { id: newCallId(), frame: null };
}

function targetOf(url: string): Target {
  const { target, endpoint } = routeOf(url);
  if (endpoint === 'mcp') return target;
  throw new PathUnknown('this path is no MCP endpoint');
}

function httpMethodOf({ method }: HttpExchange): Call['httpMethod'] {
  if (method === 'POST' || method === 'GET' || method === 'DELETE') return method;
  throw new MethodNotAllowed('the endpoint has POST, GET and DELETE');
}

/** Sealed, a server's longest ids are half as long again. */
const MAX_SESSION_ID = 6 * 1024;

function sessionIdOf(headers: SingleHeaders): string | null {
  const id = headers['mcp-session-id'];
  if (id === undefined) return null;
  if (id.length <= MAX_SESSION_ID && /^[\x21-\x7e]+$/.test(id)) return id;
  throw new RequestRefused('Mcp-Session-Id is malformed');
}

/** Those that were compared with the body, or that no earlier revision knows, are left out. */
function mcpHeadersOf(headers: SingleHeaders, revision: Revision): Record<string, string> {
  const declared = headers['mcp-protocol-version'];
  if (revision.era === 'stateful') {
    return declared === undefined ? {} : { 'mcp-protocol-version': declared };
  }
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith('mcp-') && name !== 'mcp-session-id' && value !== undefined) {
      kept[name] = value;
    }
  }
  return kept;
}
