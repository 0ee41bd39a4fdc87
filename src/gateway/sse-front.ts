/** The transport HTTP+SSE (2024-11-05, Transports), for clients that have no other. */
import type { PosternError } from '#lib';
import { toPosternError } from '#lib';
import type { SingleHeaders } from '#mcp';
import { UNDECLARED_REVISION } from '#mcp';
import type { Caller, Services } from '#pipeline';
import { identify, ownerName } from '#pipeline';
import type { HttpExchange } from '#transport';
import { formatEvent } from '#transport';
import { readBody } from './body.ts';
import type { Entrance } from './calls.ts';
import { rejectRequest } from './calls.ts';
import { Conversation } from './duplex/conversation.ts';
import type { Conversations } from './duplex/conversations.ts';
import type { Speaker, Target } from './duplex/exchanges.ts';
import { Exchanges } from './duplex/exchanges.ts';
import { MethodNotAllowed, Overloaded, SessionExpired, Stopping } from './errors.ts';
import { checkMediaTypes, checkOrigin, singleHeaders } from './http-guard.ts';
import type { HttpSink } from './http-sink.ts';
import type { Admission } from './overload/admission.ts';
import { callerName } from './overload/caller-name.ts';
import type { Place } from './overload/place.ts';
import type { CallHead } from './read-call.ts';
import { newCallHead, readMessage } from './read-call.ts';
import type { Route } from './routes.ts';
import { routeOf } from './routes.ts';
import type { SseSession } from './sse-sessions.ts';
import { SseSessions } from './sse-sessions.ts';
import { sinkFor } from './tokens/challenging-sink.ts';
import type { AdmittedToken } from './tokens/gate.ts';

/** What answering needs. */
export interface SseFrontParts {
  /** Gives the set in force. */
  readonly services: () => Services;
  readonly conversations: Conversations;
  readonly admission: Admission;
  /** What a path leads to; whether there is anything, its calls tell. */
  readonly targetOf: (target: Route['target']) => Target;
  /** Whether a caller may use anything there. */
  readonly isWelcome: (caller: Caller, target: Route['target']) => boolean;
}

/** A request, as far as both endpoints read it. */
interface Asked {
  readonly exchange: HttpExchange;
  readonly sink: HttpSink;
  readonly headers: SingleHeaders;
  readonly entrance: Entrance;
  readonly token: AdmittedToken | null;
  readonly services: Services;
  readonly place: Place;
  readonly target: Target;
  /** Path of the endpoint for messages. */
  readonly path: string;
}

/** Answers clients of HTTP+SSE: a stream for what they hear, and an endpoint for what they say. */
export class SseFront {
  readonly #parts: SseFrontParts;
  readonly #sessions = new SseSessions();

  constructor(parts: SseFrontParts) {
    this.#parts = parts;
  }

  /** Answers one request. Never throws. */
  async handle(exchange: HttpExchange, entrance: Entrance): Promise<void> {
    const services = this.#parts.services();
    const { gate, link } = entrance;
    const name = callerName(link, exchange.socket.remoteAddress);
    const { admission } = this.#parts;
    // What is said is refused where answers are heard: on the stream.
    const place = exchange.method === 'POST' ? admission.visit(name) : admission.enter(name);
    if (typeof place === 'string') {
      services.meter.rejected(entrance.listener, Overloaded.code);
      admission.refusals.answer(exchange, place);
      return;
    }
    const sink = sinkFor(exchange, services.limits, gate, null);
    const head = newCallHead();
    try {
      if (entrance.refusal !== null) throw entrance.refusal;
      const headers = singleHeaders(exchange);
      checkOrigin(headers, entrance.names);
      const { target: wanted, endpoint } = routeOf(exchange.target);
      const target = this.#parts.targetOf(wanted);
      const path = exchange.target.replace(/\/(?:sse|messages)(?:\?.*)?$/s, '/messages');
      const isOpen = (): boolean =>
        this.#parts.isWelcome({ clientLink: link, token: null }, wanted);
      const token = gate === null ? null : await gate.admit(exchange, link, isOpen);
      const asked = { exchange, sink, headers, entrance, token, services, place, target, path };
      if (endpoint === 'sse') await this.#open(asked);
      else await this.#take(asked, head);
    } catch (thrown) {
      const error = toPosternError(thrown);
      gate?.challenge(exchange, error);
      rejectRequest(exchange, services, sink, head, error);
    } finally {
      // A stream that is open holds no place; what is said on it has places of its own.
      place.leave();
    }
  }

  async #open(asked: Asked): Promise<void> {
    const { exchange, sink, headers, entrance, services, target, path } = asked;
    requireMethod(exchange, 'GET');
    checkMediaTypes(headers, 'GET');
    const { conversations } = this.#parts;
    if (conversations.stopping) throw new Stopping('the gateway is shutting down');
    const speaker = speakerOf(asked);
    const { signal } = new AbortController();
    const connection = { onceClosed: () => undefined };
    const call = new Exchanges(speaker, target, connection).callOf({
      httpMethod: 'GET',
      frame: null,
      revision: UNDECLARED_REVISION,
      signal,
    });
    // Whoever may not listen is told so, and it is recorded, as on the other endpoint.
    if (!target.permits(call)) {
      await target.run(call, sink);
      return;
    }
    const { limits, events } = services;
    const about = { owner: ownerOfAsked(asked), path };
    const session = this.#sessions.add(about, limits, (id) => {
      const write = (message: Buffer): Promise<void> => sink.event(formatEvent(message));
      const options = { speaker, target, limits, events, write, eras: 'stateful' as const };
      return { ...about, id, target, call, conversation: new Conversation(options) };
    });
    const { conversation } = session;
    conversations.add(conversation, () => entrance.isOutdated() || isDisbelieved(asked));
    exchange.onceClosed(() => void conversation.close(null));
    endInTime(session, asked);
    void conversation.ended.then((why) => end(asked, why));
    sink.openEvents({ sessionId: null });
    await sink.event(endpointEvent(session)).catch(() => undefined);
  }

  async #take(asked: Asked, head: CallHead): Promise<void> {
    const { exchange, sink, headers, services, place, target, entrance, path } = asked;
    requireMethod(exchange, 'POST');
    // The answer to a message is no answer: it comes on the stream.
    checkMediaTypes({ ...headers, accept: '*/*' }, 'POST');
    const about = { owner: ownerOfAsked(asked), path };
    const find = (): SseSession => this.#sessions.find(sessionIdOf(exchange), about);
    const { call, conversation } = find();
    const body = await readBody(exchange, services.limits.maxRequestBytes, place);
    // This transport is older than the headers: which revision a message is in, it says itself.
    const message = readMessage(body, conversation.headers, services.limits);
    if (!Array.isArray(message)) head.frame = message;
    const frames = Array.isArray(message) ? message : [message];
    // The stream may have ended meanwhile.
    find();
    // Answers leave over the link of the stream: both have to be good enough for each message.
    const caller = { clientLink: entrance.link, token: asked.token };
    const overThis = { ...call, ...caller, httpMethod: 'POST' as const };
    const permitted = frames.every((frame) => target.permits({ ...overThis, frame }));
    const { clientLink } = permitted ? call : caller;
    conversation.accept(frames, { ...caller, clientLink });
    sink.empty(202, { sessionId: null });
  }
}

function speakerOf({ exchange, entrance, token }: Asked): Speaker {
  const { listener, link } = entrance;
  return { listener, clientLink: link, token, source: exchange.socket.remoteAddress ?? 'unknown' };
}

function ownerOfAsked(asked: Asked): string {
  const speaker = speakerOf(asked);
  return ownerName(identify(speaker, asked.services.trustDomain, Date.now()), speaker.source);
}

/** Whether the token that the stream was opened with is believed no more. */
function isDisbelieved({ token, entrance: { gate } }: Asked): boolean {
  return token !== null && gate?.believes(token) !== true;
}

function requireMethod({ method }: HttpExchange, wanted: 'GET' | 'POST'): void {
  if (method === wanted) return;
  throw new MethodNotAllowed(`this endpoint of HTTP+SSE has ${wanted} alone`, {
    hint: `Use ${wanted}; the other endpoint has the other.`,
    details: { allow: wanted },
  });
}

function sessionIdOf({ target }: HttpExchange): string | null {
  return new URLSearchParams(target.slice(target.indexOf('?'))).get('session');
}

/** The event that tells the client where its messages go. */
function endpointEvent({ path, id }: SseSession): Buffer {
  return Buffer.from(`event: endpoint\ndata: ${path}?session=${id}\n\n`);
}

/** Node takes longer times for none at all. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Ends a stream whose client does not begin in time, or that is too old. */
function endInTime({ conversation }: SseSession, { services: { limits }, token }: Asked): void {
  const endWith = (why: string): void => void conversation.close(new SessionExpired(why));
  // A server may take long to start, which is not its client's fault.
  const setup = setInterval(() => {
    if (conversation.isReady) clearInterval(setup);
    else if (!conversation.isBusy) endWith('the client did not initialize in time');
  }, limits.sessionSetupTimeoutMs).unref();
  const age = Math.min(limits.sessionMaxAgeMs, MAX_TIMER_MS);
  const whole = setTimeout(() => endWith('the session reached its greatest age'), age).unref();
  const tokenMs = token === null ? age : Math.min(token.expiresAtMs - Date.now(), age);
  const ofToken = setTimeout(() => endWith('the access token has expired'), tokenMs).unref();
  void conversation.ended.finally(() => {
    clearInterval(setup);
    clearTimeout(whole);
    clearTimeout(ofToken);
  });
}

function end({ sink, services, exchange }: Asked, why: PosternError | null): void {
  sink.endEvents();
  services.events({
    severity: 'debug',
    name: 'client.stream_ended',
    message: `an event stream of HTTP+SSE ended: ${why?.message ?? 'in order'}`,
    fields: { source: exchange.socket.remoteAddress, ...(why === null ? {} : { code: why.code }) },
  });
}
